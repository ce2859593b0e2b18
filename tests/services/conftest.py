"""The services are tested within a whole agency: what they decide is what it answers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.agency import Agency, running, settings_in


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    async with running(settings_in(tmp_path)) as agency:
        yield agency
