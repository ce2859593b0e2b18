"""The house drawn in CONTRIBUTING.md is the one that stands: every module, on its floor."""

import re
import tomllib

import pytest

from tests.docs.console import ROOT, blocks

PACKAGE = ROOT / "src" / "wirefeed"
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
(HOUSE,) = [text for text in blocks(CONTRIBUTING, "text") if "composition.py" in text]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def floors() -> list[frozenset[str]]:
    """Give the floors that the import contract holds, the highest first."""
    (contract,) = [c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "floors"]
    return [frozenset(layer.split(" | ")) for layer in contract["layers"]]


def drawn() -> list[str]:
    """Give the floors of the drawing, the highest first."""
    return HOUSE.split("   ↓\n")


def modules() -> list[tuple[str, str]]:
    """Give each module with the floor it is on."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        if path.stat().st_size:
            found.append((parts[0].removesuffix(".py"), parts[-1]))
    return sorted(set(found) - {("__init__", "__init__.py")})


def test_the_house_has_the_floors_of_the_contract() -> None:
    assert len(drawn()) == len(floors())
    for shown, names in zip(drawn(), floors(), strict=True):
        assert all(re.search(rf"(?<![\w.]){name}\b", shown) for name in names), (shown, names)


@pytest.mark.parametrize(("floor", "module"), modules())
def test_a_module_is_drawn_on_its_floor(floor: str, module: str) -> None:
    (shown,) = [shown for shown, names in zip(drawn(), floors(), strict=True) if floor in names]
    assert re.search(rf"(?<![\w/]){re.escape(module)}(?!\w)", shown)


@pytest.mark.parametrize("name", re.findall(r"(?<![\w/])[\w/]+\.py\b", HOUSE))
def test_a_module_that_is_drawn_stands(name: str) -> None:
    assert list(PACKAGE.rglob(name.rpartition("/")[2]))


@pytest.mark.parametrize("requirement", PROJECT["project"]["dependencies"])
def test_a_dependency_says_why_it_is_there(requirement: str) -> None:
    name = re.split(r"[^\w-]", requirement)[0]
    assert re.search(rf"^\|[^|]*\b{re.escape(name)}\b[^|]*\|", CONTRIBUTING, re.MULTILINE)
