"""Who is answered: programs and a person's own browser, through whatever port, and no web page."""

import pytest

from focusd.door import objection


@pytest.mark.parametrize(
    "host",
    [
        "focusd",  # focusctl's
        "localhost",
        "localhost:8080",
        "LocalHost.:8080",
        "rig.localhost:8080",
        "127.0.0.1",
        "127.0.0.1:8080",
        "0.0.0.0:8080",
        "192.168.1.20:8080",
        "[::1]:8080",
        "[::1]",
        "[fe80::1ff:fe23:4567:890a]:8080",
        "raspberrypi:8080",
        "raspberrypi.local:8080",
        "raspberrypi.local.",
        "rig.lab.local",
        "rig.lan",
        "rig.home.arpa:8080",
        "rig.lab.example.org:8080",  # the machine's own name
        "",
    ],
)
def test_who_asks_for_a_name_that_nobody_else_can_have_is_answered(host: str) -> None:
    assert objection({"host": host}, "Rig.lab.example.org") is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "evil.example.",
        "127.0.0.1.evil.example",
        "[evil.example]",
        "localhost.evil.example",
        "rig.local.evil.example:8080",
        "evil.example:80:80",
        "raspberrypi.evil.example",
        "1.2.3.4.5",
        "evillocal.example.evil-lan",
    ],
)
def test_a_name_that_a_page_can_have_pointed_here_is_not_answered_to(host: str) -> None:
    """A browser takes what comes from there for the page's own, without a word of Origin."""
    why = objection({"host": host}, "raspberrypi")
    assert why is not None
    assert f'this request is for "{host}"' in why
    assert "use localhost" in why


def test_of_a_long_name_only_a_part_is_repeated() -> None:
    assert len(objection({"host": "evil." * 1000}, "raspberrypi") or "") < 300


FROM_A_BROWSER = [
    ({}, True),
    ({"sec-fetch-site": "none", "sec-fetch-dest": "document"}, True),
    ({"sec-fetch-site": "same-origin", "sec-fetch-dest": "image"}, True),
    ({"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}, True),
    ({"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}, False),
    ({"sec-fetch-site": "same-site", "sec-fetch-dest": "iframe"}, False),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"origin": "https://evil.example"}, False),
    ({"origin": "http://localhost:8080", "sec-fetch-site": "same-origin"}, False),
    ({"origin": "null"}, False),
]


@pytest.mark.parametrize(("said", "answered"), FROM_A_BROWSER)
def test_a_person_may_look_by_browser_and_a_page_may_not(said: dict[str, str], answered: bool) -> None:
    """What a page embeds bears no Origin, and each picture of it turns on the light and works the camera."""
    assert (objection({"host": "localhost:8080", **said}, "raspberrypi") is None) == answered
