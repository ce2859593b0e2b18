"""What may be asked of a WebSub hub, and for how long it is granted (W3C WebSub). Pure.

WebSub calls a feed's address "topic"; here that word is taken, so it is the topic's URL.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode

from wirefeed.domain.deliveries import FINE, HOUR, Standing
from wirefeed.domain.errors import Invalid
from wirefeed.domain.wire import Change, concerned, is_of_story

#: Seconds. WebSub §9.2: hubs "SHOULD enforce short lease durations"; "10 days is a good default".
SHORTEST, LONGEST = 3_600, 10 * 86_400
#: WebSub §5.1: hub.secret "MUST be less than 200 bytes in length".
_SECRET = 200
#: Parameters of a request; those that are not WebSub's are ignored.
_FIELDS = 50
_SECONDS = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NAMES = ("hub.mode", "hub.callback", "hub.topic", "hub.secret", "hub.lease_seconds")
#: The language of a story that has none of ours (ISO 639-2).
_UNKNOWN = "und"
#: What was asked and has not been verified by then is forgotten.
PATIENCE = HOUR


class Mode(StrEnum):
    """What may be asked."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A request as it came, its addresses not yet looked at."""

    mode: Mode
    callback: str
    topic: str
    secret: bytes | None = None
    seconds: int = LONGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """By which right a feed is delivered; the public's has none of these."""

    subscriber: str | None = None
    #: The id of a feed key.
    feed_key: str | None = None
    #: The `jti` of a token.
    token: str | None = None

    @property
    def subjects(self) -> frozenset[str]:
        """What it hangs on, as the wire names it (`Change.about`)."""
        named = (
            self.subscriber and f"subscriber:{self.subscriber}",
            self.feed_key and f"feed-key:{self.feed_key}",
            self.token and f"token:{self.token}",
        )
        return frozenset(name for name in named if name)


#: Whoever has no credential.
PUBLIC = Owner()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What was asked, and is yet to be verified."""

    id: str
    #: Names the pair of topic and callback.
    pair: bytes
    mode: Mode
    callback: str
    host: str
    #: The address of the feed, sealed.
    topic: bytes
    #: Sealed.
    secret: bytes | None
    owner: Owner
    seconds: int
    received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A callback that is told of a feed's changes, for a time."""

    id: str
    pair: bytes
    callback: str
    host: str
    #: The address of the feed, sealed.
    topic: bytes
    #: Sealed.
    secret: bytes | None
    owner: Owner
    #: The door the feed is behind, and the end of its address.
    door: str
    tail: str
    created: int
    verified: int
    expires: int
    #: Up to here of the wire it was told,
    position: int
    #: and what it was sent last, by its entity tag.
    tag: str
    delivered: int | None = None
    #: When the clock next changes what its owner may have.
    turns: int | None = None
    standing: Standing = FINE


def parse_form(body: bytes) -> Form:
    """Read the body of a request. Raises `Invalid`, naming the parameter and what would help."""
    form = _parameters(body)
    mode = form.get("hub.mode", "")
    if mode not in set(Mode):
        raise Invalid(
            f"it is {mode!r}" if mode else "it is missing",
            field="hub.mode",
            remedy="send subscribe or unsubscribe",
        )
    return Form(
        mode=Mode(mode),
        callback=_needed(form, "hub.callback", "send the address that is to be called"),
        topic=_needed(form, "hub.topic", "send the address that the feed gives as rel=self"),
        secret=_secret(form.get("hub.secret", "")) if mode == Mode.SUBSCRIBE else None,
        # WebSub §5.1: for unsubscriptions hub.lease_seconds "MUST be ignored".
        seconds=_seconds(form.get("hub.lease_seconds", "")) if mode == Mode.SUBSCRIBE else 0,
    )


def _parameters(body: bytes) -> Mapping[str, str]:
    """WebSub §5.1: form-encoded, UTF-8. §5.1: "hubs MUST ignore" what they do not know."""
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except UnicodeDecodeError as error:
        raise Invalid("the body is not form-encoded UTF-8", remedy="percent-encode it") from error
    except ValueError as error:
        raise Invalid(
            f"there are more than {_FIELDS} parameters", remedy="send those of WebSub alone"
        ) from error
    form: dict[str, str] = {}
    for name, value in pairs:
        if name in _NAMES and name in form:
            raise Invalid("it is there twice", field=name, remedy="send it once")
        form[name] = value
    return form


def _needed(form: Mapping[str, str], name: str, remedy: str) -> str:
    if not (value := form.get(name, "")):
        raise Invalid("it is missing", field=name, remedy=remedy)
    return value


def _secret(text: str) -> bytes | None:
    """Read a secret; an empty one is none."""
    secret = text.encode()
    if len(secret) >= _SECRET:
        raise Invalid(
            f"it has {len(secret)} bytes", field="hub.secret", remedy="send less than 200"
        )
    # RFC 2104 §2: a key is filled up with zeros, so two that differ in those would sign alike.
    if b"\0" in secret:
        raise Invalid("it holds a NUL", field="hub.secret", remedy="use letters and digits")
    return secret or None


def _seconds(text: str) -> int:
    """Give the length of a lease: what is asked, within what is granted."""
    if not text:
        return LONGEST
    if not _SECONDS.fullmatch(text):
        raise Invalid("it is no number", field="hub.lease_seconds", remedy="send whole seconds")
    return min(max(int(text), SHORTEST), LONGEST)


def asking(callback: str, parameters: Mapping[str, str]) -> str:
    """Give the address that asks a callback something.

    WebSub §5.3: a hub "MUST preserve the query string ... by appending new parameters to the
    end of the list using the & (ampersand) character to join".
    """
    joint = "" if callback.endswith(("?", "&")) else "&" if "?" in callback else "?"
    return f"{callback}{joint}{urlencode(parameters)}"


def confirms(challenge: str, answer: bytes) -> bool:
    """Say whether the body of an answer is the challenge, and nothing else.

    WebSub §5.3.1: "with a response body equal to the hub.challenge parameter".
    """
    return hmac.compare_digest(challenge.encode(), answer)


class Method(StrEnum):
    """How deliveries are signed (WebSub §7.1). Not by SHA-1, which no longer holds."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


def signature(method: Method, secret: bytes, body: bytes) -> str:
    """Give `X-Hub-Signature`: "method=signature", the signature in hexadecimal."""
    return f"{method}={hmac.new(secret, body, getattr(hashlib, method)).hexdigest()}"


def links(hub: str, topic: str) -> str:
    """WebSub §7: one `Link` header with the hub and the canonical address of the topic."""
    return f'<{hub}>; rel="hub", <{topic}>; rel="self"'


class Denied(Exception):
    """A feed is not delivered, or no longer: WebSub §5.2."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        #: For the subscriber, in a few words.
        self.reason = reason


def denial(topic: str, reason: str) -> Mapping[str, str]:
    """Give the parameters that tell a callback so."""
    return {"hub.mode": "denied", "hub.topic": topic, "hub.reason": reason}


def verification(intent: Intent, topic: str, challenge: str) -> Mapping[str, str]:
    """Give the parameters that ask a callback whether it asked (WebSub §5.3)."""
    parameters = {"hub.mode": intent.mode.value, "hub.topic": topic, "hub.challenge": challenge}
    if intent.mode is Mode.SUBSCRIBE:
        parameters["hub.lease_seconds"] = str(intent.seconds)
    return parameters


def concerns(change: Change, language: str, owner: Owner) -> bool:
    """Say whether a change may be one of what a lease delivers.

    Of stories by their language alone: one may leave a feed for another of its thread.
    """
    if is_of_story(change):
        told = {audience.language for audience in (*change.before, *change.after)}
        return language in told or _UNKNOWN in told
    of_one = concerned((change,))
    return of_one is None or not of_one.isdisjoint(owner.subjects)
