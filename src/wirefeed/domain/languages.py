"""Languages by their tags (BCP 47): which of some a tag leads to. Pure."""

from collections.abc import Iterable


def look_up(tag: str, languages: Iterable[str]) -> str:
    """Find a language by look-up: `en-GB` leads to `en`; empty, if it leads to none.

    RFC 4647 §3.4: "the language range is progressively truncated from the end until a matching
    language tag is located".
    """
    known = {language.lower(): language for language in languages}
    wanted = tag.lower()
    while wanted:
        if wanted in known:
            return known[wanted]
        wanted = wanted.rpartition("-")[0]
    return ""
