import pytest

from tests.docs.console import Step, agrees, fill, steps

DOCUMENT = """
Some words.

```console
$ one "two"
printed
…
$ cat > file <<'END'
$ not typed
END
$ long \\
    line
```

```text
$ not a command
```
"""


def test_commands_are_read_with_what_they_print() -> None:
    assert steps(DOCUMENT) == [
        Step(command='one "two"', prints=("printed", "…")),
        Step(command="cat > file <<'END'\n$ not typed\nEND", prints=()),
        Step(command="long \\\n    line", prints=()),
    ]


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        ("", (), True),
        ("something\n", (), False),
        ("", ("something",), False),
        ("a\nb\n", ("a", "b"), True),
        ("a\nb", ("a", "b"), True),
        ("a\nb\n", ("a",), False),
        ("key 12 revoked\n", ("key … revoked",), True),
        ("key 12\nrevoked\n", ("key … revoked",), False),
        ("a\nb\nc\n", ("a", "…"), True),
        ("a\nb\nc\n", ("…", "c"), True),
        ("a\nb\nc\n", ("a", "…", "d"), False),
        ("a.c\n", ("abc",), False),
    ],
)
def test_an_ellipsis_stands_for_what_differs(
    printed: str, shown: tuple[str, ...], *, same: bool
) -> None:
    assert agrees(printed, shown) is same


def test_a_secret_is_copied_from_what_was_printed_last() -> None:
    heard = "http://host/f/key_1/en\nhttp://host/f/key_2/en\n"
    assert fill("BASE=http://host/f/key_…/", heard) == "BASE=http://host/f/key_2/"


def test_a_secret_that_was_never_printed_cannot_be_copied() -> None:
    with pytest.raises(AssertionError, match="nothing printed"):
        fill("TOKEN=eyJ…", "no token here")
