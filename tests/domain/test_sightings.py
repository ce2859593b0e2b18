"""What is kept of where a credential was used: short names of ours, whatever clients say."""

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.sightings import client_family, place, told_readers

SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9.-]{0,39}| ?[A-Za-z])*")


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        ("NetNewsWire (RSS Reader; https://netnewswire.com/)", "NetNewsWire"),
        ("Mozilla/5.0 (compatible; Miniflux/2.2.9; +https://miniflux.app)", "Miniflux"),
        ("FreshRSS/1.27.0 (Linux; https://freshrss.org)", "FreshRSS"),
        ("Feedbin feed-id:1373711 - 4 subscribers", "Feedbin"),
        ("Mozilla/5.0 (compatible; inoreader.com; 5 subscribers)", "Inoreader"),
        ("Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)", "Feedly"),
        ("FeedlyBot/1.0 (http://feedly.com)", "Feedly"),
        (f"NewsBlur Feed Fetcher - 2 subscribers - {CHROME}", "NewsBlur"),
        ("Mozilla/5.0 (compatible; theoldreader.com; 3 subscribers; feed-id=1)", "The Old Reader"),
        ("Overcast/3.0 (+http://overcast.fm/; 40 subscribers; feed-id=9)", "Overcast"),
        ("Tiny Tiny RSS/23.05 (https://tt-rss.org/)", "tt-rss"),
        ("newsboat/2.39 (Linux x86_64) libcurl/8.5", "newsboat"),
        ("Liferea/1.15.8 (Linux; https://lzone.de/liferea/)", "Liferea"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128", "Thunderbird"),
        ("SimplePie/1.8.0 (Feed Parser; http://simplepie.org)", "SimplePie"),
        ("feedparser/6.0.11 +https://github.com/kurtmckee/feedparser/", "feedparser"),
        ("curl/8.5.0", "curl"),
        ("Wget/1.21.4", "Wget"),
        ("python-requests/2.32.3", "python-requests"),
        ("Python/3.12 aiohttp/3.14.0", "aiohttp"),
        ("Mozilla/5.0 (Windows NT 10.0; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox"),
        (f"{CHROME} Safari/537.36", "Chrome"),
        (f"{CHROME} Safari/537.36 Edg/140.0", "Edge"),
        (f"{CHROME} Safari/537.36 OPR/120.0", "Opera"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15", "Safari"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1) {SAFARI} Reeder/5050001", "Reeder"),
        # Others, by the name they begin with.
        ("Foo", "Foo"),
        ("Foo/1.2 (bar)", "Foo"),
        ("Foo-Reader/1.2", "Foo-Reader"),
        ("rss2email/3.14 (https://github.com/rss2email)", "rss2email"),
        ("foo.example/2", "foo.example"),
        ("Foo-1.2", "Foo"),
        ("Foo 1.2", "Foo"),
        ("Mozilla/5.0 (compatible; SomeBot/2.1; +https://bot.example)", "SomeBot"),
        ("Mozilla/5.0", "Mozilla"),
        # The word within another is not it.
        ("curlew/1.0", "curlew"),
        ("Safarium/1", "Safarium"),
        # What is no name.
        ("", "unknown"),
        (" ", "unknown"),
        ("1.2", "unknown"),
        ("-", "unknown"),
        ("<script>alert(1)</script>", "unknown"),
        ("Foo<script>", "unknown"),
        ("Foo\x00/1", "unknown"),
        ("Foo\u202e/1", "unknown"),
        ("Ｆoo/1", "unknown"),
        ("${jndi:ldap://x}", "unknown"),
        ("A" * 41, "unknown"),
        ("A" * 40, "A" * 40),
        ("A" * 600 + " curl/8", "unknown"),
    ],
)
def test_a_client_has_one_name_without_its_version(user_agent: str, family: str):
    assert client_family(user_agent) == family


@given(st.text(max_size=600) | st.text(alphabet="aZ9 ./-;()_<>&'\"", max_size=80))
def test_whatever_a_client_says_its_name_is_short_and_plain(user_agent: str):
    family = client_family(user_agent)
    assert len(family) <= 40
    assert NAME.fullmatch(family), family


@given(st.sampled_from(SecretKind), st.binary(min_size=32, max_size=32), st.sampled_from("/ ;"))
def test_a_secret_that_went_astray_is_not_kept(kind: SecretKind, random: bytes, after: str):
    secret = make_secret(kind, random)
    for user_agent in (secret, f"{secret}{after}1.0", f"Foo ({secret})", f"Foo/{secret}"):
        assert client_family(user_agent) in {"unknown", "Foo"}
    token = f"eyJhbGciOiJFZERTQSJ9.{random.hex()}.{random.hex()}"
    assert client_family(token) == "unknown"


@pytest.mark.parametrize(
    ("user_agent", "readers"),
    [
        ("Feedbin feed-id:1373711 - 4 subscribers", 4),
        ("Feedbin feed-id:1373711 - 1 subscribers", 1),
        ("Feedly/1.0 (+http://feedly.com/fetcher.html; 12 subscribers; like FeedFetcher)", 12),
        ("NewsBlur Feed Fetcher - 2 subscribers - https://newsblur.com (feed 12)", 2),
        ("Inoreader/1.0 (+http://inoreader.com; 7 Subscribers; )", 7),
        ("Some Reader (3 readers)", 3),
        ("one (2 subscribers) two (5 readers)", 5),
        ("0 subscribers", 1),
        ("curl/8.5.0", 1),
        ("", 1),
        ("subscribers", 1),
        ("-3 subscribers", 3),
        ("3 subscribersss", 1),
        ("1.5 subscribers", 1),
        ("12,345 subscribers", 1),
        ("٣ subscribers", 1),
        ("999999999999 subscribers", 1_000_000),
        ("9999999999999 subscribers", 1),
        ("x" * 600 + " 9 subscribers", 1),
    ],
)
def test_a_service_says_for_how_many_it_reads(user_agent: str, readers: int):
    assert told_readers(user_agent) == readers


@given(st.text(alphabet="0123456789 subcriread,.-", max_size=600))
def test_the_number_of_readers_is_bounded(user_agent: str):
    assert 1 <= told_readers(user_agent) <= 1_000_000


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::", "::/48"),
    ],
)
def test_a_place_is_a_network_and_no_address(address: str, network: str):
    assert place(address) == network


@given(st.ip_addresses())
def test_neighbours_are_one_place(address):
    kept = ipaddress.ip_network(place(str(address)))
    assert address in kept
    assert kept.prefixlen == {4: 24, 6: 48}[address.version]
