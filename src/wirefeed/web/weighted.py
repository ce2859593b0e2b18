"""Lists of names with weights, as `Accept-Encoding` and `A-IM` have them. Pure: only reads."""

import re
from collections.abc import Mapping

#: RFC 9110 §12.4.2: a weight is 0 to 1 with at most three decimals; RFC 9110 §5.6.2: a token.
_ELEMENT = re.compile(
    r"[ \t]*(?P<name>[-!#$%&'*+.^_`|~0-9A-Za-z]+)[ \t]*"
    r"(?:;[ \t]*[qQ]=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)
#: What weighs as much as anything can.
FULL = 1000


def weights(text: str) -> Mapping[str, int] | None:
    """Read such a list: thousandths by name in lower case; None for what is no such list.

    What is named twice weighs what it weighs least: a refusal is not to be talked away.
    """
    read: dict[str, int] = {}
    for element in text.split(","):
        if not element.strip(" \t"):
            # RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of
            # empty list elements".
            continue
        matched = _ELEMENT.fullmatch(element)
        if matched is None:
            return None
        name = matched["name"].lower()
        weight = round(FULL * float(matched["weight"] or 1))
        read[name] = min(weight, read.get(name, FULL))
    return read
