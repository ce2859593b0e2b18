"""`make bench`: how fast it is, each figure beside its reference in the same run.

Prints a table and JSON. Nothing here passes or fails: machines differ, ratios tell.
Servers on one core, load from another where there are two; medians of rounds taken in turn.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

from tests.bench import (
    accounts,
    anatomy,
    callbacks,
    coherence,
    edge,
    herd,
    hot,
    intake,
    keys,
    machine,
    memory,
    publishing,
    scale,
    streams,
)
from tests.bench.rows import Row, Sizes, table

_SUBJECTS: Mapping[str, Callable[[Sizes], list[Row]]] = {
    "hot": hot.figures,
    "edge": edge.figures,
    "anatomy": anatomy.figures,
    "keys": keys.figures,
    "publishing": publishing.figures,
    "herd": herd.figures,
    "coherence": coherence.figures,
    "streams": streams.figures,
    "scale": scale.figures,
    "intake": intake.figures,
    "callbacks": callbacks.figures,
    "memory": memory.figures,
    "accounts": accounts.figures,
}
#: In some minutes.
_USUAL = Sizes(
    rounds=5,
    seconds=1,
    stories=10_000,
    subscribers=50_000,
    stored=10_000,
    imported=5_000,
    changes=20,
)
#: Half an hour more at the first time: a million stories are sent in one after the other, and
#: kept with their agency in the folder for temporary files, of 13 GB then.
_FULL = replace(
    _USUAL,
    rounds=5,
    seconds=5,
    stories=1_000_000,
    subscribers=1_000_000,
    stored=100_000,
    imported=20_000,
    changes=100,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=_SUBJECTS, action="append", help="one subject or more")
    parser.add_argument("--full", action="store_true", help="with the millions, and 14 GB")
    for name in Sizes.__dataclass_fields__:
        kind = float if name == "seconds" else int
        parser.add_argument(f"--{name}", type=kind, help=f"{getattr(_USUAL, name):,}")
    asked = parser.parse_args()
    given = {name: getattr(asked, name) for name in Sizes.__dataclass_fields__}
    sizes = replace(
        _FULL if asked.full else _USUAL,
        **{name: value for name, value in given.items() if value is not None},
    )
    machine.stay_with_the_load()
    rows: list[Row] = []
    for subject in asked.only or _SUBJECTS:
        began = time.monotonic()
        rows += _SUBJECTS[subject](sizes)
        print(f"{subject}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(table(rows))
    print(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows]))


if __name__ == "__main__":
    main()
