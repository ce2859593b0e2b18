"""`wirefeed demo` as a process: the same bytes at each start, and who sees what."""

import re
from pathlib import Path

from tests.process.conftest import Tell
from tests.support.demo import LANGUAGES, Day, demo
from tests.support.process import free_ports, wirefeed
from wirefeed.texts import load


def test_two_starts_at_the_same_time_give_the_same_bytes(day: Day, tell: Tell):
    assert day.first == day.second
    tell(f"demo: {len(day.first)} documents byte-identical between two starts")


def test_the_public_has_a_portion_as_teasers_and_the_reader_all(day: Day, tell: Tell):
    public, full = {}, {}
    for language in LANGUAGES:
        public[language] = day.items(f"/{language}/latest.json")
        full[language] = day.items(f"/f/…/{language}/latest.json")
        notice = load(language)["feed"]["notice"].partition("{")[0].strip()
        for item in public[language]:
            assert notice in str(item["content_html"])
            assert item["_wirefeed"]["level"] == "summary"  # type: ignore[index]
        for item in full[language]:
            assert notice not in str(item["content_html"])
    shown = sum(len(items) for items in public.values())
    held = sum(len(items) for items in full.values())
    tell(f"demo: the public sees {shown} of {held} stories")
    assert held >= 60
    assert 0.5 < shown / held < 0.75
    for language in LANGUAGES:
        ids = {item["id"] for item in full[language]}
        assert {item["id"] for item in public[language]} < ids


def test_a_page_shows_one_story_to_four_callers(day: Day):
    page = day.demo.get("/demo").decode()
    levels = re.findall(r"Summary|Full text|Withdrawn", page)
    assert "The public" in page
    assert "Summary" in levels
    assert "Full text" in levels
    assert page.count("Comes with") == 4


def test_a_port_that_is_taken_is_one_line(tmp_path: Path):
    port = free_ports(2)
    with (
        demo(port, tmp_path),
        wirefeed("demo", "--port", str(port), folder=tmp_path) as second,
    ):
        assert second.ended() == 1
        (line,) = second.said
        assert line.startswith(f"wirefeed: server.port: cannot listen on 127.0.0.1, port {port}: ")
        assert "--port" in line


def test_a_time_that_is_none_is_one_line(tmp_path: Path):
    with wirefeed("demo", "--at", "breakfast", folder=tmp_path) as ran:
        assert ran.ended() == 1
        assert ran.said == ["wirefeed: --at: 'breakfast' is no time (write 2026-11-24T09:00:00Z)"]
