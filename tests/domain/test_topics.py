"""Topics: the tree, and which of them a story stands in."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import sent
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.stories import Concept
from wirefeed.domain.topics import MediaTopics, Taxonomy, Topic, fold

MEDIA_TOPICS = MediaTopics(
    broader={
        "medtop:15000000": "",
        "medtop:20000822": "medtop:15000000",
        "medtop:20001065": "medtop:20000822",
        "medtop:04000000": "",
        # A vocabulary that names itself does not hang the import.
        "medtop:20009998": "medtop:20009999",
        "medtop:20009999": "medtop:20009998",
    },
    subject_codes={
        "15000000": "medtop:15000000",
        "15003000": "medtop:20000822",
        "15054000": "medtop:20001065",
        "04000000": "medtop:04000000",
    },
)


def topic(slug: str, broader: str | None = None, **takes) -> Topic:
    names = takes.pop("names", {})
    values: dict[str, Any] = {name: frozenset(value) for name, value in takes.items()}
    return Topic(slug=slug, names=names, broader=broader, **values)


def taxonomy(*topics: Topic) -> Taxonomy:
    return Taxonomy(topics, MEDIA_TOPICS)


TREE = taxonomy(
    topic("sport", media_topics={"medtop:15000000"}),
    topic("football", "sport", media_topics={"20001065"}, keywords={"futbol"}),
    topic("derby", "football", keywords={"derbi"}),
    topic("turkey", places={"Türkiye", "TUR", "İstanbul"}),
    topic("desk", services={"domestic"}, genres={"Analysis", "genre:an"}),
    topic("cup", "football"),
)


# --- the tree -------------------------------------------------------------------------------------


def test_topics_come_each_below_its_broader_one():
    assert [t.slug for t in TREE] == ["sport", "football", "derby", "cup", "turkey", "desk"]
    assert [TREE.depth(t.slug) for t in TREE] == [0, 1, 2, 2, 0, 0]


def test_the_tree_knows_its_topics():
    assert "football" in TREE
    assert "chess" not in TREE
    assert TREE["football"].broader == "sport"


@pytest.mark.parametrize(
    ("slug", "narrower"),
    [
        ("sport", {"sport", "football", "derby", "cup"}),
        ("football", {"football", "derby", "cup"}),
        ("cup", {"cup"}),
        ("chess", set()),
    ],
)
def test_narrower_topics(slug, narrower):
    assert TREE.narrower(slug) == narrower


@pytest.mark.parametrize(
    ("slug", "broader"),
    [("sport", {"sport"}), ("derby", {"derby", "football", "sport"})],
)
def test_broader_topics(slug, broader):
    assert TREE.broader(slug) == broader


@pytest.mark.parametrize(
    "slug",
    ["", "Sport", "-sport", "spor t", "futból", "a" * 65, "sport\n", "latest", "*", "٣", "a_b"],
)
def test_a_slug_that_cannot_stand_in_an_address_is_refused(slug):
    with pytest.raises(Unacceptable) as caught:
        taxonomy(topic(slug))
    assert caught.value.field == f"topics.{slug}"


@pytest.mark.parametrize("slug", ["a", "0", "a-", "3x3-basketball", "a" * 64])
def test_slugs(slug):
    assert slug in taxonomy(topic(slug))


@pytest.mark.parametrize(
    ("topics", "field", "words"),
    [
        ([topic("a"), topic("a")], "topics.a", "taken"),
        ([topic("a", "b")], "topics.a", "no topic 'b'"),
        ([topic("a", "a")], "topics.a", "broader than itself"),
        ([topic("a", "b"), topic("b", "a")], "topics.a", "broader than itself"),
        ([topic("a", "b"), topic("b", "c"), topic("c", "b")], "topics.a", "broader than itself"),
        ([topic("a", media_topics={"sport"})], "topics.a.media_topics", "no Media Topic"),
        ([topic("a", keywords={" "})], "topics.a.keywords", "empty keyword"),
        ([topic("a", places={""})], "topics.a.places", "empty place"),
    ],
)
def test_a_tree_that_cannot_be_is_refused_by_name(topics, field, words):
    with pytest.raises(Unacceptable, match=words) as caught:
        taxonomy(*topics)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("names", "language", "name"),
    [
        ({"en": "Sport", "tr": "Spor"}, "tr", "Spor"),
        ({"en": "Sport", "tr": "Spor"}, "ar", "Sport"),
        ({"tr": "Spor"}, "ar", "Spor"),
        ({}, "en", "sport"),
    ],
)
def test_the_name_of_a_topic(names, language, name):
    assert topic("sport", names=names).name(language) == name


# --- what stands in it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "topics"),
    [
        ("medtop:15000000", {"sport"}),
        ("medtop:20000822", {"sport"}),
        ("medtop:20001065", {"football", "sport"}),
        ("http://cv.iptc.org/newscodes/mediatopic/20001065", {"football", "sport"}),
        ("https://cv.iptc.org/newscodes/mediatopic/20001065", {"football", "sport"}),
        ("20001065", {"football", "sport"}),
        (" 20001065 ", {"football", "sport"}),
        # Subject Codes, the vocabulary before.
        ("15054000", {"football", "sport"}),
        ("subj:15054000", {"football", "sport"}),
        ("http://cv.iptc.org/newscodes/subjectcode/15054000", {"football", "sport"}),
        ("iptc-subject-code:15054000", {"football", "sport"}),
        # Without a successor of its own, a Subject Code is its broader one.
        ("subj:15054007", {"football", "sport"}),
        ("subj:15003999", {"sport"}),
        ("subj:15099000", {"sport"}),
        # Other topics, later concepts and other vocabularies.
        ("medtop:04000000", set()),
        ("medtop:20099999", set()),
        ("medtop:20009998", set()),
        ("sport", set()),
        ("medtop:2000106", set()),
        ("medtop:200010655", set()),
        ("medtop:٢٠٠٠١٠٦٥", set()),
        ("x\nmedtop:20001065", set()),
        ("", set()),
    ],
)
def test_subjects_are_taken_with_their_narrower_concepts(code, topics):
    assert TREE.resolve(sent(subjects=(Concept(code=code, name="sport"),))) == topics


@pytest.mark.parametrize(
    ("fields", "topics"),
    [
        ({"places": (Concept(name="Türkiye"),)}, {"turkey"}),
        ({"places": (Concept(code="tur", name="Turkey"),)}, {"turkey"}),
        ({"places": (Concept(name="Ankara"),)}, set()),
        ({"places": (Concept(),)}, set()),
        ({"services": (Concept(code="DOMESTIC"),)}, {"desk"}),
        ({"services": (Concept(name="domestic"),)}, {"desk"}),
        ({"genres": (Concept(code="genre:an"),)}, {"desk"}),
        ({"genres": (Concept(name="ANALYSIS"),)}, {"desk"}),
        ({"keywords": ("Futbol",)}, {"football", "sport"}),
        ({"keywords": (" DERBİ ",)}, {"derby", "football", "sport"}),
        # A word of one kind is not one of another.
        ({"keywords": ("domestic", "Türkiye", "")}, set()),
        ({"services": (Concept(code="futbol"),)}, set()),
        (
            {"keywords": ("futbol",), "places": (Concept(name="İSTANBUL"),)},
            {"football", "sport", "turkey"},
        ),
        ({}, set()),
    ],
)
def test_places_keywords_services_and_genres(fields, topics):
    assert TREE.resolve(sent(**fields)) == topics


def test_a_tree_without_a_vocabulary_takes_concepts_by_their_own_code():
    plain = Taxonomy([topic("football", media_topics={"medtop:20001065"})])
    assert plain.resolve(sent(subjects=(Concept(code="20001065"),))) == {"football"}
    assert plain.resolve(sent(subjects=(Concept(code="15054000"),))) == set()


@pytest.mark.parametrize(
    "spellings",
    [
        ["İstanbul", "ISTANBUL", "istanbul", "ıstanbul", "İSTANBUL", "i\u0307stanbul"],
        ["DİYARBAKIR", "diyarbakır", "Diyarbakir"],
        ["São Paulo", "SÃO PAULO", unicodedata.normalize("NFD", "São Paulo")],
        ["Straße", "STRASSE", " strasse\t"],
        ["القاهرة"],
    ],
)
def test_spellings_of_a_name_are_one(spellings):
    assert len({fold(s) for s in spellings}) == 1


def test_other_names_stay_apart():
    assert len({fold(s) for s in ("Sao Paulo", "São Paulo", "Saopaulo")}) == 3


@given(st.text("aiIİıßſǰΐΣσςéÉ\u0301 \u00a0ﬁ", max_size=8))
def test_folding_is_stable(text):
    assert fold(fold(text)) == fold(text) == fold(text.casefold())


# --- properties -----------------------------------------------------------------------------------

SLUGS = "abcdefgh"


@st.composite
def trees(draw) -> Taxonomy:
    """Draw a tree whose topics take a keyword each: their own name."""
    topics = []
    for n, slug in enumerate(SLUGS):
        broader = draw(st.none() | st.sampled_from(SLUGS[:n])) if n else None
        topics.append(topic(slug, broader, keywords={slug}))
    return taxonomy(*draw(st.permutations(topics)))


@given(trees(), st.frozensets(st.sampled_from(SLUGS)))
def test_a_story_stands_in_every_broader_topic_and_in_no_other(tree, keywords):
    found = tree.resolve(sent(keywords=tuple(keywords)))
    assert found == {slug for slug in SLUGS if tree.narrower(slug) & keywords}
    assert sorted(t.slug for t in tree) == list(SLUGS)
    for slug in SLUGS:
        assert slug in tree.narrower(slug)
        assert all(tree.depth(n) > tree.depth(slug) for n in tree.narrower(slug) - {slug})
        assert {s for s in SLUGS if slug in tree.narrower(s)} == tree.broader(slug)
