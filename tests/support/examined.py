"""An API examined by Schemathesis, as anybody could do with its document: every check there is."""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path

from tests.conftest import SOAK
from wirefeed.web.api.operation import Endpoint

#: Calls that each operation is tried with, in each way they are thought up.
_EXAMPLES = 200 if SOAK else 10
_SETTINGS = """\
color = false

[checks.positive_data_acceptance]
# 412, 428: that a change names the state it is made from, no schema can say.
expected-statuses = ["2xx", "304", "401", "403", "404", "409", "410", "412", "428"]

[checks.missing_required_header]
# RFC 6585 §3 has a status for the one header that is required.
expected-statuses = ["428", "401", "403"]
"""
#: Where a body that its schema takes may yet be refused.
_JUDGED = """
[[operations]]
include-operation-id = "{id}"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "403", "404", "409", "410", "412", "422", "428"]
"""
_JUDGING = {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.GONE}


async def examine(
    url: str,
    document: str,
    endpoints: Iterable[Endpoint],
    folder: Path,
    headers: Mapping[str, str] | None = None,
) -> str:
    """Run Schemathesis on some endpoints; gives its report, and fails with it for any finding."""
    endpoints = list(endpoints)
    settings = folder / "schemathesis.toml"
    judged = [
        _JUDGED.format(id=endpoint.id)
        for endpoint in endpoints
        if not _JUDGING.isdisjoint(endpoint.operation.problems)
    ]
    settings.write_text(_SETTINGS + "".join(judged), "utf-8")
    drawn = [] if SOAK else ["--generation-deterministic"]
    # Without a list there is nothing that leads from one call to another.
    lists = any(endpoint.operation.is_listing for endpoint in endpoints)
    phases = [] if lists else ["--phases=examples,coverage,fuzzing"]
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={settings}",
        "run",
        document,
        f"--url={url}",
        "--checks=all",
        f"--max-examples={_EXAMPLES}",
        *(f"--include-operation-id={endpoint.id}" for endpoint in endpoints),
        *drawn,
        *phases,
        *(f"--header={name}: {value}" for name, value in (headers or {}).items()),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        report, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = report.decode()
    assert process.returncode == 0, told
    assert f"Tested: {len(endpoints)}\n" in told, told
    return told
