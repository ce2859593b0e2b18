"""What attack tests share: an agency a module, its log in a buffer, an oracle on every test."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.security.guarded import Gate, open_gate
from tests.security.oracle import Log, logging_to
from tests.support.agency import Agency, running, settings_in


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    """The log of a module's servers, at its most talkative."""
    with logging_to(Log(), "debug") as log:
        yield log


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agency(log: Log, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Agency]:
    async with running(settings_in(tmp_path_factory.mktemp("agency"))) as agency:
        yield agency


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(agency: Agency) -> Gate:
    """Whatever asks for a credential."""
    return await open_gate(agency)


@pytest.fixture(autouse=True)
def nothing_is_given_away_in_the_log(log: Log) -> Iterator[None]:
    """Whatever a test does to a server: no bug is met, no trace and no secret is written."""
    yield
    log.check()
