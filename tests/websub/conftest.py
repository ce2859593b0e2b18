"""An agency whose hub may call this machine, and what a subscriber says to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.agency import Agency, running, settings_in
from tests.support.callbacks import Subscriber, subscriber
from wirefeed.config import OutboundSettings


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    settings = settings_in(tmp_path, outbound=OutboundSettings(private_networks=True))
    async with running(settings) as agency:
        yield agency


@pytest.fixture
async def callback() -> AsyncIterator[Subscriber]:
    async with subscriber() as one:
        yield one
