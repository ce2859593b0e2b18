"""Which addresses of callbacks can be taken, and what is made of them."""

import pytest

from wirefeed.domain.errors import Unacceptable
from wirefeed.outbound.guard import Guard
from wirefeed.outbound.urls import Urls

PUBLIC_URL = "https://news.example"


@pytest.mark.parametrize("host", ["good.example", "xn--e1afmkfd.example", "8.8.8.8", "[2606::1]"])
def test_s50_what_is_of_the_internet_is_taken_as_it_is(host: str):
    urls = Urls(Guard(), ports=(443, 8443), private_networks=False, own_url=PUBLIC_URL)

    for url in (f"https://{host}/p?x=%2F&y=a+b", f"https://{host}:8443/"):
        assert urls.parse(url, "hub.callback").url == url


def test_h9_unreserved_characters_are_decoded_and_no_others():
    urls = Urls(Guard(), ports=(443,), private_networks=False, own_url=PUBLIC_URL)

    found = urls.parse("https://good.example/%7Euser/%41%2F%3f?q=%2D%26", "hub.callback")

    assert found.url == "https://good.example/~user/A%2F%3f?q=-%26"


def test_s50_port_80_is_called_where_that_was_set():
    urls = Urls(Guard(), ports=(443, 80), private_networks=False, own_url=PUBLIC_URL)

    assert urls.parse("http://good.example/", "hub.callback").port == 80


def test_private_networks_are_open_where_that_was_set_but_for_what_clouds_tell_of_themselves():
    guard = Guard(private_networks=True, own_ports=(8080, 8081))
    urls = Urls(guard, ports=(443,), private_networks=True, own_url="http://10.0.0.1:8080")

    for url in ("http://10.0.0.2:9000/", "https://[fd00::1]/", "http://localhost:3000/"):
        assert urls.parse(url, "hub.callback").url == url
    for url in (
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://10.0.0.1:8080/hub",
        "http://127.0.0.1:8080/hub",
        "http://127.0.0.1:8081/metrics",
        "http://[::ffff:127.0.0.1]:8080/hub",
        "http://224.0.0.1/",
    ):
        with pytest.raises(Unacceptable):
            urls.parse(url, "hub.callback")
