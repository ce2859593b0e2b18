"""What an address is answered with while nothing changes, put together once. No rules here.

An address may hold a key: what is kept of it has a gap there.
"""

from wirefeed.formats.coding import Coding
from wirefeed.services.addresses import Door
from wirefeed.web.answers import KEY, Answer, Answers
from wirefeed.web.conditions import Validators
from wirefeed.web.prepared import PreparedResponse, written

_BEFORE_KEY = len(Door.PRIVATE)


class Known:
    """One address, its reader and the document they come to."""

    __slots__ = ("_answers", "_behind_key", "_heads", "_own", "answer", "area", "since", "until")

    def __init__(self, answers: Answers, answer: Answer) -> None:
        """Make what is known of an answer whose path holds `KEY` in place of a key."""
        validators = answer.validators
        turns = (answer.reader.until(validators.now), answer.document.until, validators.span[1])
        self.answer = answer
        #: Where operators count it.
        self.area = answer.door.area
        #: From when on it holds, should the clock be set back, and until when; None: for good.
        self.since = validators.span[0]
        self.until = min((turn for turn in turns if turn is not None), default=None)
        self._answers = answers
        self._heads = answers.heads(answer)
        self._own = written(answers.own(answer)).split(KEY.encode())
        self._behind_key = -len(f"/{answer.named.tail}")

    def validators(self, now: int) -> Validators:
        """Give what the answer is known by at a time."""
        document, modified, _ = self.answer.validators
        return Validators(document, modified, now)

    def told(self, path: str, coding: Coding | None, body: bytes = b"") -> PreparedResponse:
        """Answer who asks at this path: with a body, or without a coding that it is held."""
        head = self._heads.get(coding) or self._answers.head(self.answer, coding)
        key = path[_BEFORE_KEY : self._behind_key]
        return PreparedResponse(head, key.encode().join(self._own), body)
