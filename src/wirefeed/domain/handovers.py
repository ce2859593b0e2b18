"""Hand-overs: links that give a credential once, to whom it was meant. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from wirefeed.domain.errors import Gone, Invalid, Unacceptable
from wirefeed.domain.plans import DAY
from wirefeed.domain.terms import Terms

#: How long a link can be opened, unless it is said otherwise, and at most.
DAYS = 7
_MOST_DAYS = 30


class Gives(StrEnum):
    """What a link gives."""

    #: A token, for a machine.
    TOKEN = "token"  # noqa: S105 - a kind of credential
    #: A private address, for a feed reader.
    FEED_KEY = "feed-key"
    #: A browser that is signed in.
    SIGN_IN = "sign-in"


class State(StrEnum):
    """What has become of a link."""

    WAITING = "waiting"
    OPENED = "opened"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """What a feed key is to be."""

    name: str = ""
    #: The feeds it is restricted to (`en/sport`, `en/latest`); empty: all.
    feeds: frozenset[str] = frozenset()
    #: The id of the key whose address was lost: what is given stands in its place.
    replaces: str | None = None

    def __post_init__(self) -> None:
        """Refuse what a key that stands in for another cannot be."""
        if self.replaces is not None and (self.name or self.feeds):
            raise Unacceptable(
                "a key that replaces another keeps its name and its feeds",
                field="replaces",
                remedy="leave them out",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Nothing but being signed in: a browser's session is a feed key of its own."""

    #: What that key is called among the subscriber's.
    name: str = "browser"


#: What is to be made when a link is opened.
Promise = Terms | KeyTerms | SignIn


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """The row behind a link. What it gives is made when it is opened, so it holds no secret."""

    id: str
    subscriber: str
    promise: Promise
    issued: int
    expires: int
    opened: int | None = None
    withdrawn: int | None = None

    def __post_init__(self) -> None:
        """Refuse a token that would be somebody else's."""
        if isinstance(self.promise, Terms) and self.promise.subscriber != self.subscriber:
            raise Invalid("a link gives a token of its own subscriber", field="subscriber")

    @property
    def gives(self) -> Gives:
        """What it gives, in a word."""
        match self.promise:
            case Terms():
                return Gives.TOKEN
            case KeyTerms():
                return Gives.FEED_KEY
            case SignIn():
                return Gives.SIGN_IN

    def state(self, now: int) -> State:
        """Say what has become of it."""
        if self.opened is not None:
            return State.OPENED
        if self.withdrawn is not None:
            return State.WITHDRAWN
        return State.WAITING if now < self.expires else State.EXPIRED

    def demand(self, now: int) -> None:
        """Raise `Gone`, saying why, unless it can be opened."""
        state = self.state(now)
        if state is not State.WAITING:
            raise Gone(f"the link is {state}", remedy="ask for a new one")


def until(issued: int, days: int) -> int:
    """Say when a link that can be opened for some days expires."""
    if not 1 <= days <= _MOST_DAYS:
        raise Unacceptable(f"a link can be opened for 1 to {_MOST_DAYS} days", field="days")
    return issued + days * DAY
