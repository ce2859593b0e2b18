"""A change as a webhook is sent it: the entry of the wire API, of the story as it may be seen now.

What a newer version follows is not sent: the present state of a story is all that leaves. An end
is sent whatever follows.
"""

from typing import Final

import msgspec

from wirefeed.domain.plans import Entitlement
from wirefeed.domain.wire import ChangeKind
from wirefeed.formats import ninjs_out
from wirefeed.services.wire_entries import OLDEST, Heard, WireEntries
from wirefeed.storage.wire import Row

MEDIA_TYPE: Final = ninjs_out.MEDIA_TYPE


class _Ours(msgspec.Struct):
    superseded: bool = False


class _Marked(msgspec.Struct):
    wirefeed: _Ours


_MARKED = msgspec.json.Decoder(_Marked)


class WebhookEntries:
    """Gives changes as webhooks are sent them."""

    def __init__(self, entries: WireEntries) -> None:
        self._entries = entries

    async def entry(self, row: Row, kind: ChangeKind, to: Entitlement) -> bytes | None:
        """Give a change, heard as this kind; None: what comes later says all of it."""
        (entry,) = await self._entries.render([Heard(row, kind)], to)
        return None if _MARKED.decode(entry).wirefeed.superseded else entry

    def entitlement(self) -> bytes:
        """Give the entry that says that something else may be seen from here on."""
        return ninjs_out.entitlement(OLDEST)
