"""A helper that asserts, to show that what helpers assert counts."""


def insist(claim: object) -> None:
    assert claim
