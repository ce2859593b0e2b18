"""The kinds of failure a caller can tell apart. Pure: says what went wrong, never how to answer it.

WirefeedError
 ├── Invalid            the message cannot be read
 │    ├── Unacceptable  it can be read, and a field of it cannot be taken
 │    └── Unconditional it does not say from which state it changes things
 ├── Unauthenticated    no credential, or none that holds
 │    └── NoCredential  none was sent
 ├── Forbidden          a good credential, without this right
 ├── NotFound           no such thing for this caller
 │    ├── Gone          it was there for this caller, and was withdrawn
 │    │    └── Outlived a place on the wire from which nobody can go on any more
 │    └── UnknownKey    the key in the address is none of ours
 ├── TooMany            a credential that does not hold, and many before it
 │    ├── Overdrawn     more full answers than one client may take
 │    ├── Crowded       too much is asked of one host already
 │    └── Occupied      as many lines are held open as one subscriber may
 ├── Conflict           it contradicts what is held
 │    └── Outdated      it changes a state that is no longer the one held
 └── Unavailable        the authority cannot be asked now
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A credential of a known subscriber that was refused, for that subscriber's own eyes."""

    subscriber: str
    #: The `jti` of a token, or the id of a feed key.
    credential: str
    #: In a word.
    reason: str


class WirefeedError(Exception):
    """Something wirefeed can name went wrong.

    The class docstring is the default message. `field` names the part of the input
    at fault (a JSONPath, a setting, an option), `remedy` what would put it right.
    """

    def __init__(self, message: str = "", *, field: str = "", remedy: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip().split("\n")[0]
        self.field = field
        self.remedy = remedy
        #: Whose credential was refused, if that is known. It is never part of an answer.
        self.refusal: Refusal | None = None
        super().__init__(self.message)

    def __str__(self) -> str:
        """Give one line: the field, what is wrong with it, and the remedy."""
        text = f"{self.field}: {self.message}" if self.field else self.message
        return f"{text} ({self.remedy})" if self.remedy else text


class Invalid(WirefeedError):
    """The message cannot be read."""


class Unacceptable(Invalid):
    """A field of the message cannot be taken."""


class Unconditional(Invalid):
    """The change has to name the state it changes."""


class Unauthenticated(WirefeedError):
    """A valid credential is needed."""


class NoCredential(Unauthenticated):
    # Said in the same words: only whoever counts guesses tells the two apart.
    """A valid credential is needed."""


class Forbidden(WirefeedError):
    """The credential does not carry this right."""


class NotFound(WirefeedError):
    """There is no such thing here."""


class Gone(NotFound):
    """It was withdrawn."""


class Outlived(Gone):
    """The wire cannot be followed from this place any more."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message, field="after", remedy="begin again where `restart` says")
        #: The path at which the wire can be read again.
        self.restart = ""


class UnknownKey(NotFound):
    # Said in the same words: nobody is to learn whether it was the key or the topic.
    """There is no such thing here."""


class TooMany(WirefeedError):
    """Too many credentials that do not hold have come from this network."""

    def __init__(self, wait: int) -> None:
        super().__init__(remedy="wait, and check yours: one that holds is answered even now")
        #: Seconds.
        self.wait = wait


class Overdrawn(TooMany):
    """So many full answers were asked for that the next has to wait; send If-None-Match."""

    def __init__(self, wait: int, *, quota: int, window: int) -> None:
        super().__init__(wait)
        self.remedy = (
            "wait as long as Retry-After says; where nothing has changed, a 304 costs nothing"
        )
        #: So many answers
        self.quota = quota
        #: in so many seconds.
        self.window = window


class Crowded(TooMany):
    """So much waits to be verified at the host of this callback that the next has to wait."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.field, self.remedy = "hub.callback", "ask again as soon as Retry-After says"


class Occupied(TooMany):
    """As many streams and waiting requests are open as one subscriber may have."""

    #: Seconds: an end that nobody said is noticed by then.
    _WAIT = 15

    def __init__(self, most: int) -> None:
        super().__init__(self._WAIT)
        self.remedy = f"close one of the {most}, or ask without wait"


class Conflict(WirefeedError):
    """It contradicts what is held."""


class Outdated(Conflict):
    """It has changed since."""


class Unavailable(WirefeedError):
    """The service cannot answer now; try again shortly."""
