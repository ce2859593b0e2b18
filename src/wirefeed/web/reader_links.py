"""Links that open a feed in a feed reader. No rules here."""

from urllib.parse import quote

#: For the apps of a device: whichever has said that it takes feeds.
_APP = "feed:{plain}"
#: Readers on the web. Each gets to know the address: it is the one that fetches the feed.
_WEB = {
    "Feedly": "https://feedly.com/i/subscription/feed%2F{quoted}",
    "Inoreader": "https://www.inoreader.com/?add_feed={quoted}",
    "Feedbin": "https://feedbin.com/?subscribe={quoted}",
    "NewsBlur": "https://www.newsblur.com/?url={quoted}",
    "The Old Reader": "https://theoldreader.com/feeds/subscribe?url={quoted}",
}


def app_link(address: str) -> str:
    """Give the link that opens a feed in an app of the device, such as NetNewsWire."""
    return _APP.format(plain=address)


def web_links(address: str) -> list[dict[str, str]]:
    """Give the links that open a feed in readers on the web."""
    quoted = quote(address, safe="")
    return [{"name": name, "href": link.format(quoted=quoted)} for name, link in _WEB.items()]
