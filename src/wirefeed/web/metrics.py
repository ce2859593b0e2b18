"""`/metrics`, on the listener of operators alone: what was counted, in the words of Prometheus.

What is not in the tables here is not told, and neither is a label that they do not name.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from aiohttp import hdrs, web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from wirefeed.domain.errors import WirefeedError
from wirefeed.services.metrics import Metrics
from wirefeed.storage.shared_counts import Snapshot
from wirefeed.web.request import Handler

METRICS = web.AppKey("metrics", Metrics)
COUNTS: web.AppKey[Counter[tuple[str, ...]]] = web.AppKey("counts")

#: What is counted: its name, what it is, and its labels.
COUNTERS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "answers": ("wirefeed_answers", "Answers, by kind of address", ("area", "status")),
    "refused": ("wirefeed_refused", "Requests refused, by reason", ("reason",)),
    "renders": ("wirefeed_renders", "Documents rendered", ("what",)),
    "cache": ("wirefeed_cache_answers", "What the cache was asked for", ("outcome",)),
    "deliveries": (
        "wirefeed_deliveries",
        "Calls to callbacks, by kind, and what came of them",
        ("kind", "outcome"),
    ),
    "looks": ("wirefeed_wire_looks", "Looks for the end of the wire", ()),
}
#: How things stand in one worker.
GAUGES: Mapping[str, tuple[str, str]] = {
    "position": ("wirefeed_wire_position", "The last position of the wire that was seen"),
    "lag": ("wirefeed_wire_lag_seconds", "Since the last look for it began"),
    "lease": ("wirefeed_wire_lease_seconds", "How long its last look still counts"),
    "leases": ("wirefeed_leases_behind", "Leases that were not told everything, all workers'"),
    "deliveries": ("wirefeed_deliveries_waiting", "Callbacks that are being told, or are next"),
    "calls": ("wirefeed_calls", "Calls to callbacks that are under way"),
    "publishing": ("wirefeed_publishing_waiting", "Stories that wait to be stored"),
    "usage": ("wirefeed_usage_waiting", "Uses of credentials that wait to be written down"),
    "kills-late": ("wirefeed_kills_late", "Kills that somebody has not fetched in time"),
    "log": ("wirefeed_log_waiting", "Lines of the log that wait to be written"),
    "log-lost": ("wirefeed_log_lost", "Lines of the log that found no room"),
    "cache": ("wirefeed_cache_bytes", "Rendered items and documents that are held"),
    "connections": ("wirefeed_connections", "Connections that are open"),
    "memory": ("wirefeed_resident_bytes", "Memory of the process"),
}
#: The first segment of an address, and what its kind is called.
_AREAS = {
    "f": "private",
    "subscriber": "subscriber",
    "api": "api",
    "hub": "hub",
    "h": "hand-over",
    "media": "media",
    "healthz": "service",
    "readyz": "service",
    ".well-known": "service",
    "robots.txt": "service",
    "static": "service",
}


@web.middleware
async def count_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count each answer by what it was asked for, and by its status."""
    response = await handler(request)
    area = _AREAS.get(request.rel_url.raw_path[1:].partition("/")[0], "public")
    request.app[COUNTS]["answers", area, str(response.status)] += 1
    return response


def count_refusal(request: web.Request, error: WirefeedError) -> None:
    """Count what was refused, by the reason its owner is told, or else by its kind."""
    reason = _kind(type(error).__name__) if error.refusal is None else error.refusal.reason
    request.app[COUNTS]["refused", reason] += 1


@cache
def _kind(error: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", error).lower()


async def metrics(request: web.Request) -> web.StreamResponse:
    """Tell what all workers have counted, whichever of them is asked."""
    registry = CollectorRegistry()
    registry.register(_Told(await request.app[METRICS].all()))
    encode, kind = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(
        body=encode(registry),
        headers={hdrs.CONTENT_TYPE: kind, hdrs.CACHE_CONTROL: "no-store"},
    )


class _Told(Collector):
    """Snapshots, as Prometheus's own library asks for them."""

    def __init__(self, snapshots: list[Snapshot]) -> None:
        self._snapshots = snapshots

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for key, (name, text, labels) in COUNTERS.items():
            counter = CounterMetricFamily(name, text, labels=labels)
            for values, number in sorted(_sums(self._snapshots, key, len(labels)).items()):
                counter.add_metric(values, number)
            yield counter
        for key, (name, text) in GAUGES.items():
            gauge = GaugeMetricFamily(name, text, labels=("worker",))
            for snapshot in self._snapshots:
                if key in snapshot.gauges:
                    gauge.add_metric((snapshot.worker,), snapshot.gauges[key])
            yield gauge


def _sums(snapshots: Iterable[Snapshot], name: str, labels: int) -> Counter[tuple[str, ...]]:
    sums: Counter[tuple[str, ...]] = Counter()
    for snapshot in snapshots:
        for (counted, *values), number in snapshot.counts.items():
            if counted == name:
                # An empty label is the same as none.
                sums[tuple([*values, *[""] * labels][:labels])] += number
    return sums


#: On the listener of operators alone.
ROUTES = [web.get("/metrics", metrics)]
