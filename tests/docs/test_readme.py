"""The README is true: its tour is walked, and what it names is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import click
import pytest

from tests.docs.console import PORT, ROOT, Step, agrees, blocks, fill, shell, steps
from tests.support.process import free_ports, wirefeed
from wirefeed import __version__
from wirefeed.cli.main import cli
from wirefeed.demo import agency
from wirefeed.web.app import ROUTES

README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DOCUMENTS = sorted(ROOT.glob("*.md"))
_DEMO = re.compile(r'make run ARGS="(?P<arguments>.*)"')


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 250


def test_the_picture_of_the_front_page_is_light() -> None:
    assert 0 < (ROOT / "src/wirefeed/demo/front-page.png").stat().st_size <= 150_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh clone, as far as the tour needs one."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    return tmp_path


@pytest.mark.skipif(not (which("bash") and which("curl")), reason="the tour needs bash and curl")
def test_the_tour_prints_what_the_readme_shows(folder: Path) -> None:
    first, *rest = steps(README)
    own = next(n for n, step in enumerate(rest) if step.command == "wirefeed serve")
    demo = _DEMO.fullmatch(first.command)
    assert demo is not None
    port = str(free_ports(2))
    with wirefeed("demo", "--port", port, *demo["arguments"].split(), folder=folder) as running:
        running.wait_for("What happens now")
        heard = "\n".join(running.said) + "\n"
        assert_agrees(first, heard, port)
        walk(rest[:own], folder, port, heard)
    with wirefeed("serve", "--port", port, folder=folder) as running:
        heard = running.wait_for("stop with Ctrl-C") + "\n"
        assert_agrees(rest[own], heard, port)
        walk(rest[own + 1 :], folder, port, heard)


def walk(walked: list[Step], folder: Path, port: str, heard: str) -> None:
    with shell(folder, {"WIREFEED_SERVER__PORT": port}) as bash:
        show = next(step for step in steps(README) if step.command.startswith("show()"))
        bash.run(show.command)
        for step in walked:
            printed = bash.run(fill(step.command.replace(PORT, port), heard))
            assert_agrees(step, printed, port)
            heard += printed


def assert_agrees(step: Step, printed: str, port: str) -> None:
    shown = tuple(line.replace(PORT, port) for line in step.prints)
    assert agrees(printed, shown), f"$ {step.command}\n{printed}"


def test_what_the_demo_is_said_to_tell_is_what_its_newsroom_does() -> None:
    (told,) = [block for block in blocks(README, "text") if "moved:" in block]
    time, kind = told.split()[:2]
    headline = told.splitlines()[0].split(maxsplit=2)[2]
    events = {f"{e.at_seconds // 60:02}:{e.at_seconds % 60:02}": e for e in agency.script()}
    assert events[time].what == kind
    assert headline in str(events[time].story)


def paths() -> Iterator[tuple[str, str]]:
    """Give whatever a document links to or names as a file of the project."""
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        for path in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            yield document.name, path
        for path in re.findall(r"`((?:src|tests|config|deploy)/[^`\s]*)`", text):
            yield document.name, path


@pytest.mark.parametrize(("document", "path"), sorted(set(paths())))
def test_files_that_documents_name_exist(document: str, path: str) -> None:
    assert list(ROOT.glob(path)), f"{document} names {path}"


@pytest.mark.parametrize("command", cli.list_commands(click.Context(cli)))
def test_commands_are_documented(command: str) -> None:
    assert re.search(rf"^\|.*`{command}`.*\|", README, re.MULTILINE)


def addresses() -> set[str]:
    """Give the addresses of the route table as documents write them: `/{lang}/…`.

    Those of the administrators' and the account's API are told where they are served, in
    `/api/docs`, which README names.
    """
    written = {re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", route.path) for route in ROUTES}
    return {path for path in written if not path.startswith(("/api/v1/admin/", "/api/v1/account"))}


@pytest.mark.parametrize("address", sorted(addresses()))
def test_addresses_are_documented(address: str) -> None:
    assert re.search(rf"^\|.*`(?:POST )?{re.escape(address)}`.*\|", README, re.MULTILINE)


def test_the_changelog_speaks_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## \[{re.escape(__version__)}\]", changelog, re.MULTILINE)


@pytest.mark.parametrize("document", [path.name for path in DOCUMENTS])
def test_prose_has_a_sentence_a_line(document: str) -> None:
    text = re.sub(
        r"^```.*?^```$", "", (ROOT / document).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    prose = [line for line in text.splitlines() if line and line[0] not in "|#"]
    assert [line for line in prose if re.search(r"[a-z)`*][.?!] [A-Z`*]", line)] == []
