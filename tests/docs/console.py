"""The commands that documents show, and a shell that runs them as a reader would type them.

A block of kind `console` holds commands after `$ `, each followed by what it prints.
In what it prints `…` stands for whatever differs from run to run: within a line for some
of it, alone on a line for any number of lines. An assignment with `…` is a secret to copy.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The port the documents show; tests use another.
PORT = "8080"
_DONE = "the command is done"
_BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command and what the document says it prints."""

    command: str
    prints: tuple[str, ...]


def blocks(document: str, kind: str) -> list[str]:
    """Give the fenced blocks of a kind."""
    return [found["text"] for found in _BLOCK.finditer(document) if found["kind"] == kind]


def steps(document: str) -> list[Step]:
    """Give the commands of a document in their order."""
    found: list[tuple[list[str], list[str]]] = []
    for line in "".join(blocks(document, "console")).splitlines():
        if found and _is_open(found[-1][0]):
            found[-1][0].append(line)
        elif line.startswith("$ "):
            found.append(([line[2:]], []))
        else:
            found[-1][1].append(line)
    return [Step(command="\n".join(typed), prints=tuple(printed)) for typed, printed in found]


def _is_open(typed: list[str]) -> bool:
    """Say whether the shell still waits for the rest of a command."""
    end = re.search(r"<<'(\w+)'", typed[0])
    return typed[-1].endswith("\\") or (end is not None and end[1] not in typed[1:])


def agrees(printed: str, shown: tuple[str, ...]) -> bool:
    """Say whether a command printed what the document shows."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
        for line in shown
    )
    text = printed if printed.endswith("\n") or not printed else printed + "\n"
    return re.fullmatch(pattern, text) is not None


class Shell:
    """One bash session: what a command sets, the next one finds."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, command: str) -> str:
        """Run a command; give what it prints, standard error included."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\necho\necho {shlex.quote(_DONE)}\n")
        self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if line == f"{_DONE}\n":
                break
            printed.append(line)
        return "".join(printed).removesuffix("\n")


@contextmanager
def shell(folder: Path, environ: Mapping[str, str]) -> Iterator[Shell]:
    """Open a shell in a folder, with the `wirefeed` of this environment on its path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        ["bash", "--noprofile", "--norc"],  # noqa: S607 - the reader's own
        cwd=folder,
        env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            yield Shell(process)
        finally:
            process.kill()


def fill(command: str, heard: str) -> str:
    """Copy into a command what stands for `…` in it, as last printed."""

    def copied(shown: re.Match[str]) -> str:
        before, after = map(re.escape, (shown["before"], shown["after"]))
        found = re.findall(rf"{before}[\w.-]+{after}", heard)
        assert found, f"nothing printed looks like {shown[0]}"
        return str(found[-1])

    return re.sub(r"(?P<before>[\w:/.\"-]+)…(?P<after>[/\"]?)", copied, command)
