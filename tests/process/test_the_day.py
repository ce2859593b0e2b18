"""What happens in the demo's first minute. Last, so that the minute passes during other tests."""

from tests.support.demo import Day, Demo, titles
from wirefeed.demo import agency


def test_what_is_told_is_in_the_feeds_that_moved(day: Day):
    demo = day.demo
    corrected = told(demo, "correction")
    assert corrected in titles(demo, f"{demo.private}en/latest.json")

    killed = told(demo, "kill")
    first = demo.items("/en/latest.json")[0]
    assert killed in str(first["title"])
    assert first["_wirefeed"]["status"] == "canceled"  # type: ignore[index]

    embargoed = next(event for event in agency.script() if event.at_seconds == 0).story
    headline = embargoed["headlines"][0]["value"]
    assert headline not in day.second["/en/latest.json"].decode()
    assert told(demo, "embargo lifts") == headline
    assert headline in titles(demo, "/en/latest.json")


def told(demo: Demo, kind: str) -> str:
    """Wait until something happens; give the headline it is told with."""
    line = demo.process.wait_for(kind)
    moved = demo.process.wait_for("moved: ")
    assert "en/latest" in moved
    return line.partition(kind)[2].strip()
