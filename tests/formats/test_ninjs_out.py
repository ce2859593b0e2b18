"""ninjs out: every kind of entry is ninjs 3, and says no more than its view."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.formats.examples import FULL, MORNING, VIEWS
from tests.formats.ninjs_schema import SCHEMA
from wirefeed.domain.stories import Concept, PubStatus
from wirefeed.domain.views import View
from wirefeed.formats import ninjs
from wirefeed.formats.ninjs_out import Told, bare, changes, entitlement, entry
from wirefeed.formats.writing import clean

VALID = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def written(raw: bytes) -> dict[str, Any]:
    content = json.loads(raw)
    VALID.validate(content)
    return dict(content)


def of(view: View, **told: Any) -> dict[str, Any]:
    change = Told(change="publish", guid="urn:x:1", version=view.version)
    return written(entry(view, replace(change, **told)))


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_becomes_a_valid_message(name: str):
    content = of(VIEWS[name])
    assert content["uri"] == "urn:x:1"
    assert content["altIds"] == [{"role": "feed", "value": VIEWS[name].feed_guid}]
    assert content["wirefeed"]["thread"] == VIEWS[name].feed_guid


@given(st.text(), st.text())
def test_whatever_a_story_holds_is_a_valid_message(words, html):
    of(replace(FULL, headline=words, byline=words, body=html, keywords=(words,)))


@pytest.mark.parametrize("name", VIEWS)
def test_what_is_written_can_be_read_by_us(name: str):
    view = VIEWS[name]
    revision = ninjs.parse(json.dumps(of(view)).encode())
    assert (revision.guid, revision.version) == ("urn:x:1", view.version)
    assert revision.status is view.status
    assert revision.feed_guid == view.feed_guid
    assert revision.body == view.body
    assert revision.embargoed_until == view.embargoed_until
    assert len(revision.media) == len(view.media)
    assert (revision.urgency, revision.genres) == (view.urgency, view.genres)
    assert revision.subjects == view.subjects


def test_the_whole_says_how_urgent_it_is_and_what_it_is_about():
    content = of(FULL)
    assert content["urgency"] == 4
    assert content["subjects"] == [
        {"name": "Shipping", "uri": "http://cv.iptc.org/newscodes/mediatopic/20000209"},
        # What is no URI is what ninjs calls a literal.
        {"name": "Quays & docks", "literal": "quay 7"},
        {"name": "Northhaven"},
    ]
    assert content["genres"] == [{"uri": "genre:Actuality"}]
    for name in ("summary", "delayed", "kill"):
        assert {"urgency", "subjects", "genres"}.isdisjoint(of(VIEWS[name]))


@given(st.text(min_size=1))
def test_whatever_stands_for_a_subject_is_a_valid_message(code):
    (subject,) = of(replace(FULL, subjects=(Concept(code=code, name="N"),)))["subjects"]
    assert len(subject.keys() & {"uri", "literal"}) == bool(clean(code))


def test_a_teaser_says_that_it_is_not_the_whole():
    content = of(VIEWS["summary"])
    assert content["representationType"] == "partial"
    assert content["wirefeed"]["representationType"] == "incomplete"
    assert content["wirefeed"]["level"] == "summary"
    assert "bodies" not in content
    assert content["descriptions"][0]["value"] == FULL.teaser.html


def test_the_whole_says_so():
    content = of(FULL)
    assert content["representationType"] == "full"
    assert "representationType" not in content["wirefeed"]
    assert content["bodies"] == [{"role": "main", "contentType": "text/html", "value": FULL.body}]
    assert content["versionCreated"] == "2026-11-02T08:30:00Z"


def test_what_is_seen_early_is_flagged():
    content = of(VIEWS["embargo-early"])
    assert content["embargoedUntil"] == "2026-11-02T14:30:00Z"
    assert content["wirefeed"]["embargoed"] is True
    assert "embargoedUntil" not in of(FULL)


def test_a_kill_brings_its_notice_and_no_text():
    content = of(VIEWS["kill"], change="kill")
    assert content["pubStatus"] == "canceled"
    assert [line["value"] for line in content["headlines"]] == ["KILL: PORT-QUAY"]
    assert {"bodies", "descriptions", "associations", "representationType"}.isdisjoint(content)
    assert content["wirefeed"]["material"] is True


def test_pictures_come_with_the_story_and_not_in_its_text():
    pictures = of(VIEWS["with-media"])["associations"]
    assert [one["type"] for one in pictures] == ["picture", "video"]
    assert all(one["renditions"] for one in pictures)
    assert "associations" not in of(FULL)


def test_what_is_no_longer_shown_is_named_and_no_more():
    content = written(
        bare(
            Told(change="update", guid="urn:x:1", version=2),
            PubStatus.USABLE,
            thread="urn:x:0",
            superseded=True,
        )
    )
    assert content == {
        "uri": "urn:x:1",
        "version": "2",
        "pubStatus": "usable",
        "altIds": [{"role": "feed", "value": "urn:x:0"}],
        "wirefeed": {"change": "update", "thread": "urn:x:0", "superseded": True},
    }


def test_a_change_of_rights_has_what_every_entry_is_digested_by():
    content = written(entitlement("/api/v1/wire?after=oldest"))
    assert (content["uri"], content["version"]) == ("entitlement", "0")
    assert content["wirefeed"]["change"] == "entitlement"


@pytest.mark.parametrize(
    ("other", "names", "material"),
    [
        ({}, [], False),
        ({"headline": "Another"}, ["headline"], True),
        ({"body": "<p>Another</p>"}, ["body"], True),
        ({"media": VIEWS["with-media"].media}, ["media"], True),
        ({"copyright_notice": "None"}, ["rights"], True),
        ({"keywords": ("a",), "byline": "B"}, ["byline", "keywords"], False),
        ({"urgency": 1, "subjects": (), "genres": ()}, ["urgency", "subjects", "genres"], False),
        ({"updated": MORNING + 1, "version": 2}, [], False),
    ],
)
def test_a_version_says_what_is_other_in_it(other, names, material):
    changed = changes(FULL, replace(FULL, **other))
    assert list(changed) == names
    ours = of(FULL, change="update", changed=changed)["wirefeed"]
    assert (ours["changed"], ours["material"]) == (names, material)
