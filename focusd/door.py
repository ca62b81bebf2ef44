"""Who is let in: programs, and a person's own browser, but no web page.

Only owner and group may use the socket. Where somebody forwards it to a port, though, any page that a browser
there shows can reach that port, and could see through the camera. By Origin or Sec-Fetch-Site a browser tells
that a page sends; by neither where a page has had its own name pointed to the port ("DNS rebinding"). That is
a name that anybody can register, so none of those is answered to.
"""

import re
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final

from starlette.requests import Request

from focusd.errors import Refused

HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)
"""What every answer tells a browser: it is no other kind of thing, runs nothing and stands in no frame."""

_NOBODYS: Final = (".local", ".localhost", ".lan", ".internal", ".home.arpa")
"""How names end that hold within a network alone: no registry gives them away."""

_HOST: Final = re.compile(r"\[?(.*?)\]?\.?(?::[0-9]*)?")


async def no_page(request: Request) -> None:
    """Refuse what a web page sends; raises `Refused`."""
    if why := objection(request.headers, socket.gethostname()):
        raise Refused(why)


def objection(headers: Mapping[str, str], own_name: str) -> str | None:
    """Say why what came with these headers, their names in small letters, is not answered. Pure."""
    if origin := headers.get("origin"):
        return f"this request comes from a web page, {origin[:80]}; the rig listens to programs alone"
    elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
    if elsewhere and headers.get("sec-fetch-dest") != "document":  # which a person's own click on a link is
        return "this request comes from a web page; the rig listens to programs alone"
    host = headers.get("host", "")
    if not _is_local(host, own_name):
        return (
            f'this request is for "{host[:80]}", a name that any web page can have pointed here: use '
            "localhost, an address such as 127.0.0.1, or a name without a dot or with .local at its end"
        )
    return None


def _is_local(host: str, own_name: str) -> bool:
    """Say whether nobody outside can have a host's name: it is an address, or a name within a network."""
    found = _HOST.fullmatch(host.lower())
    name = found[1] if found else host
    return "." not in name or name.endswith(_NOBODYS) or name == own_name.lower() or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
