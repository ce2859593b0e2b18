"""Schemathesis with all its checks finds nothing, whoever asks."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tests.support import api as labels
from tests.support.agency import Agency
from tests.support.examined import examine
from wirefeed.web.api.openapi import document
from wirefeed.web.api.routes import ENDPOINTS


def number_tested(report: str) -> int:
    """Give the number of operations that were tested."""
    match = re.search(r"Tested: (\d+)", report)
    assert match is not None, report
    return int(match[1])


async def test_nothing_is_found_of_what_all_endpoints_share(tmp_path: Path):
    async with labels.labelling(tmp_path) as (_, http):
        url = str(http._base_url).rstrip("/")
        told = document(labels.ENDPOINTS, {"Labels": "Labels."}, name="Labels", url=url)
        (tmp_path / "labels.json").write_bytes(msgspec.json.encode(told))
        report = await examine(
            url, "labels.json", labels.ENDPOINTS, tmp_path, {"Authorization": "Bearer owner-rw"}
        )
        assert number_tested(report) == len(labels.ENDPOINTS)


async def test_nothing_is_found_without_a_credential(agency: Agency, tmp_path: Path):
    await _examine(agency, tmp_path)


async def test_nothing_is_found_by_an_owner(agency: Agency, tmp_path: Path):
    await agency.publish("urn:news:first")
    await agency.subscriber("reader", "sport")
    await _examine(agency, tmp_path, await agency.administrator())


async def test_nothing_is_found_by_a_subscriber(agency: Agency, tmp_path: Path):
    await agency.subscriber("reader", "sport")
    await _examine(agency, tmp_path, await agency.token("reader"))


async def test_nothing_is_found_by_a_newsroom(agency: Agency, tmp_path: Path):
    await agency.publish("urn:news:first")
    await _examine(agency, tmp_path, {"Authorization": f"Bearer {agency.newsroom}"})


async def _examine(agency: Agency, folder: Path, headers: Mapping[str, str] | None = None) -> None:
    async with agency.http.get("/api/v1/openapi.json") as answer:
        # From a file, since Schemathesis leaves out the address that it has a document from.
        (folder / "openapi.json").write_bytes(await answer.read())
    url = f"http://127.0.0.1:{agency.port}"
    report = await examine(url, "openapi.json", ENDPOINTS, folder, headers)
    assert number_tested(report) == len(ENDPOINTS)
