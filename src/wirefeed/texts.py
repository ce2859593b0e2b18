"""The words of pages and feeds, by language. Contains no rules; the words are in `locales/`."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

Texts = Mapping[str, Any]

_FALLBACK = "en"
#: Stories in these run from right to left, whatever language the labels are in.
_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})


@cache
def load(language: str) -> Texts:
    """Give the words of a language; English ones where there is no translation of ours."""
    primary = language.partition("-")[0]
    for name in (language, primary):
        file = _file(name)
        if file.is_file():
            return tomllib.loads(file.read_text("utf-8"))
    words = tomllib.loads(_file(_FALLBACK).read_text("utf-8"))
    direction = "rtl" if primary in _RIGHT_TO_LEFT else "ltr"
    return words | {"name": language, "direction": direction}


def _file(language: str) -> Traversable:
    return files("wirefeed").joinpath("locales", f"{language}.toml")


def load_all(languages: Iterable[str]) -> dict[str, Texts]:
    """Give the words of each of these languages."""
    return {language: load(language) for language in languages}
