"""Schemathesis with all its checks finds nothing, whoever asks."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from tests.support import api as labels
from tests.support.agency import Agency
from tests.support.examined import examine
from wirefeed.domain.roles import Permission
from wirefeed.web.api.openapi import document
from wirefeed.web.api.operation import Caller, Endpoint
from wirefeed.web.api.routes import ENDPOINTS


async def test_nothing_is_found_in_what_all_endpoints_share(tmp_path: Path):
    async with labels.labelling(tmp_path) as (_, http):
        url = str(http._base_url).rstrip("/")
        told = document(labels.ENDPOINTS, {"Labels": "Labels."}, name="Labels", url=url)
        (tmp_path / "labels.json").write_bytes(msgspec.json.encode(told))
        owner = {"Authorization": "Bearer owner-rw"}
        await examine(url, "labels.json", labels.ENDPOINTS, tmp_path, owner)


async def test_nothing_is_found_without_a_credential(agency: Agency, tmp_path: Path):
    await _examine(agency, ENDPOINTS, tmp_path)


async def test_nothing_is_found_by_an_owner(agency: Agency, tmp_path: Path):
    await agency.publish("urn:news:first")
    # As the examples of the document name it.
    await agency.subscriber("gazette", "sport")
    owner = await agency.administrator()
    await _examine(agency, _for(Permission), tmp_path, owner)


async def test_nothing_is_found_by_a_subscriber(agency: Agency, tmp_path: Path):
    await agency.subscriber("reader", "sport")
    reader = await agency.token("reader")
    await _examine(agency, _for(Caller.ACCOUNT), tmp_path, reader)


async def test_nothing_is_found_by_a_partner_that_follows_the_wire(agency: Agency, tmp_path: Path):
    await agency.publish("urn:newsml:news.example:20260301:4711")
    await agency.subscriber("reader", "sport")
    reader = await agency.token("reader")
    # As in a server that drains, nobody is kept waiting; and a stream is not begun.
    agency.services.wire.log.close()
    pages = [endpoint for endpoint in _for(Caller.WIRE) if endpoint.id != "stream_wire"]
    await _examine(agency, pages, tmp_path, reader)


async def test_nothing_is_found_by_a_newsroom(agency: Agency, tmp_path: Path):
    await agency.publish("urn:news:first")
    newsroom = {"Authorization": f"Bearer {agency.newsroom}"}
    await _examine(agency, _for(Caller.SOURCE), tmp_path, newsroom)


def _for(caller: Caller | type[Permission]) -> list[Endpoint]:
    """Give what a caller may call: that it may not call the rest is in test_permissions.py."""
    return [
        endpoint
        for endpoint in ENDPOINTS
        if caller in {endpoint.operation.access, type(endpoint.operation.access)}
        or endpoint.operation.access is Caller.ANYONE
    ]


async def _examine(
    agency: Agency,
    endpoints: Iterable[Endpoint],
    folder: Path,
    headers: Mapping[str, str] | None = None,
) -> None:
    async with agency.http.get("/api/v1/openapi.json") as answer:
        # From a file, since Schemathesis leaves out the address that it has a document from.
        (folder / "openapi.json").write_bytes(await answer.read())
    url = f"http://127.0.0.1:{agency.port}"
    await examine(url, "openapi.json", endpoints, folder, headers)
