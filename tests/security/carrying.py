"""Every way to send a credential along, right or wrong."""

from tests.security.raw import basic
from wirefeed.web.request import KEY_COOKIE

#: `path` is for those whose addresses hold one.
WAYS = ("bearer", "basic", "basic-user", "path", "cookie", "query")


def carried(way: str, secret: str) -> tuple[list[str], str]:
    """Say which headers and which query carry a secret."""
    match way:
        case "bearer":
            return [f"Authorization: Bearer {secret}"], ""
        case "basic":
            return [basic(f"reader:{secret}")], ""
        case "basic-user":
            return [basic(f"{secret}:")], ""
        case "cookie":
            return [f"Cookie: {KEY_COOKIE}={secret}; session={secret}; token={secret}"], ""
        case "query":
            return [], f"?access_token={secret}&token={secret}&key={secret}&auth={secret}"
        case _:
            return [], ""
