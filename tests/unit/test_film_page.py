"""The page of a series: whole and safe, whatever there is of it."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from bad_sectors import put_in_bad_sectors
from film_series import EVERY_S, NOON, Drawn, series

from stack.film.account import folder_bytes
from stack.film.command import Ground, make_page
from stack.film.curves import bars_svg
from stack.film.page import page
from stack.film.story import slots_in, story_of
from stack.journal import Entry
from stack.manner import AS_USUAL, manner_record
from stack.timelapse import SlotEnd

EVIL = '<script>alert("x")</script>&"\'><svg onload=x>'
WRITTEN = datetime(2026, 6, 1, tzinfo=UTC)


class Page(HTMLParser):
    """What a browser would find in the page."""

    VOID = frozenset(("meta", "img", "br", "rect", "line", "polyline", "polygon"))

    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self.text, self.open = [], [], "", []
        self.feed(html)
        assert self.open == [], "tags are left open"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID or (tag == "rect" and dict(attrs).get("class") == "slot"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def written(folder, slots, name="moss"):
    made = series(folder, slots, name=name)
    facts = make_page(Ground(made.folder, made.sessions), None)
    return Page((made.folder / "report.html").read_text()), facts


def test_it_tells_what_became_of_every_slot(tmp_path):
    slots = [
        Drawn(late_s=3.0),
        Drawn(right_px=3, light=1.1),
        Drawn(end="failed", reason="the lamp broke", took_s=20),
        *[Drawn(end="skipped", reason="it passed while nothing could be shot")] * 3,
        Drawn(right_px=6, merged=False),
        Drawn(right_px=8),
    ]
    found, facts = written(tmp_path, slots)
    assert facts["slots"] == 8
    assert facts["pictures"] == 3
    assert found.tags.count("img") == 3
    assert all(link.startswith("data:image/jpeg;base64,") for link in found.links)
    assert "script" not in found.tags
    assert "Slots 3-5: it passed while nothing could be shot" in found.text
    assert "Slot 2: the lamp broke" in found.text
    assert "Slot 6: it is not merged yet" in found.text
    assert "10 ms, gain 1, colour gains 2 and 1.5" in found.text
    assert "4 minutes usually" in found.text
    assert "up to 8.0 px" in found.text
    assert found.tags.count("svg") == 3


def test_a_colour_stays_beside_what_it_means_however_narrow_the_page(tmp_path):
    made = series(tmp_path, [Drawn(), Drawn(end="failed", reason="the lamp broke"), Drawn(right_px=3)])
    make_page(Ground(made.folder, made.sessions), None)
    html = (made.folder / "report.html").read_text()
    assert ".keyed { white-space: nowrap; }" in html
    assert html.count('class="key ') == html.count('<span class="keyed"><span class="key ') == 7


@pytest.mark.parametrize(
    "slots", [[], [Drawn()], [Drawn(end="skipped", reason="it passed")], [Drawn(merged=False)]]
)
def test_it_is_whole_with_next_to_nothing(tmp_path, slots):
    found, facts = written(tmp_path, slots)
    assert facts["slots"] == len(slots)
    assert "moss" in found.text


def test_it_leads_to_a_film_that_lies_beside_it(tmp_path):
    made = series(tmp_path, [Drawn()])
    (made.folder / "film.mp4").write_bytes(b"a film")
    make_page(Ground(made.folder), None)
    assert "film.mp4" in Page((made.folder / "report.html").read_text()).links


def test_words_stay_text(tmp_path):
    slots = [Drawn(end="failed", reason=EVIL), Drawn(end="skipped", reason=EVIL), Drawn()]
    made = series(tmp_path, slots)
    facts = made.folder / "series.json"
    from stack.seal import sealed, unsealed

    record = unsealed(facts.read_bytes())
    record["request"]["name"] = record["request"]["plan"] = EVIL
    facts.write_bytes(sealed(record))
    make_page(Ground(made.folder, made.sessions), tmp_path / "page.html")
    found = Page((tmp_path / "page.html").read_text())
    assert "script" not in found.tags
    assert found.tags.count("svg") == 1
    assert found.text.count(EVIL) >= 4


def rows(count):
    return [
        {
            "slot": n,
            "end": "done" if n % 10 else "skipped",
            "due_at": (NOON + timedelta(minutes=30 * n)).isoformat(),
            "begun_at": (NOON + timedelta(minutes=30 * n)).isoformat(),
            "ended_at": (NOON + timedelta(minutes=30 * n + 4)).isoformat(),
            "seconds": 240.0,
            "late_s": 0.5,
            "session": f"{n:04d}-moss",
            "reason": None if n % 10 else "it passed",
            "bytes": 5_000_000,
            "exposure": None,
            "picture": {
                "stops": 0.1,
                "gain_stops": -0.1,
                "right_px": 1.0,
                "down_px": 2.0,
                "turn_deg": 0.0,
                "scale": 1.0,
                "trouble": "",
            }
            if n % 10
            else None,
        }
        for n in range(count)
    ]


def account(count):
    return {
        "series": "0001-moss",
        "name": "moss",
        "plan": "default",
        "phase": "done",
        "reason": None,
        "start": NOON.isoformat(),
        "every_s": EVERY_S,
        "count": None,
        "until": None,
        "window": ["06:00", "20:00"],
        "manner": manner_record(AS_USUAL),
        "done": 900,
        "failed": 0,
        "skipped": 100,
        "begun": 0,
        "pictures": 900,
        "shape": [4056, 3040],
        "bytes": 5_000_000_000,
        "slots": rows(count),
    }


def test_a_thousand_slots_make_a_page_that_a_phone_can_load():
    text = page(account(1000), {n: b"x" * 3000 for n in range(1000) if n % 10}, WRITTEN)
    assert len(text) < 6_000_000
    found = Page(text)
    assert found.tags.count("figure") == 1000
    assert found.tags.count("img") == 900
    assert "Slots 0, 10, 20" in found.text
    assert "All 1000 slots" in found.text


def test_a_page_does_not_grow_with_its_slots_for_ever(monkeypatch):
    for bound, most in (("page.MOST_SHOWN", 10), ("curves.MOST_ACROSS", 20), ("page.MOST_ROWS", 40)):
        monkeypatch.setattr(f"stack.film.{bound}", most)
    text = page(account(41), {n: b"x" for n in range(41) if n % 10}, WRITTEN)
    found = Page(text)
    assert "One in 5 of 41 slots is shown" in found.text
    assert found.tags.count("figure") == 9
    assert text.count('<rect class="slot"') == 3 * 14
    assert text.count('<rect class="bar"') == 14
    assert "The last 40 of 41 slots" in found.text
    assert found.tags.count("tr") == 41
    assert "Slots 0, 10, 20" in found.text


def test_of_slots_that_share_a_bar_the_longest_is_drawn(monkeypatch):
    monkeypatch.setattr("stack.film.curves.MOST_ACROSS", 2)
    drawn = bars_svg(rows(4), [(0, 1.0), (1, 4.0), (3, 2.0)], 4.0, "took", lambda row: str(row["slot"]))
    assert re.findall(r'class="bar" x="(\S+)" y="\S+" width="(\S+)" height="(\S+)"', drawn) == [
        ("0.24", "1.52", "94.00"),
        ("2.24", "1.52", "47.00"),
    ]


def test_only_pictures_that_the_page_shows_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("stack.film.page.MOST_SHOWN", 2)
    found, facts = written(tmp_path, [Drawn() for _ in range(5)])
    assert found.tags.count("figure") == found.tags.count("img") == 2
    assert facts["pictures"] == 5


def test_times_of_slots_follow_the_series_own_time():
    def entry(event, minute, **facts):
        return Entry(1, (NOON + timedelta(minutes=minute)).isoformat(), 0, event, facts)

    later = NOON + timedelta(minutes=7)
    slots = slots_in(
        [
            entry("series_anchored", 0, boot="a", origin_ns=0, start=NOON.isoformat()),
            entry("slot_begun", 0.1, slot=0),
            entry("slot_begun", 0.2, slot=0, session="0001-x"),
            entry("slot_failed", 5, slot=0, reason="power", session=None),
            entry("series_anchored", 30, boot="b", origin_ns=0, start=later.isoformat()),
            entry("slot_skipped", 40, slot=1, reason="it passed"),
            entry("slot_begun", 67.5, slot=2, session="0002-x"),
            entry("slot_done", 70, slot=2, session="0002-x"),
            entry("a word of a later version", 71, slot=9),
        ],
        NOON,
        EVERY_S,
    )
    assert [slot.number for slot in slots] == [0, 1, 2]
    assert [slot.end for slot in slots] == [SlotEnd.FAILED, SlotEnd.SKIPPED, SlotEnd.DONE]
    assert [slot.session for slot in slots] == ["0001-x", None, "0002-x"]
    assert slots[0].reason == "power"
    assert slots[0].late_s == pytest.approx(6)
    assert slots[0].seconds == pytest.approx(294)
    assert slots[2].due_at == later + timedelta(hours=1)
    assert slots[2].late_s == pytest.approx(30)
    assert slots[1].late_s is None


def test_slots_left_out_together_are_told_one_by_one_or_as_one_where_they_are_very_many():
    entries = [
        Entry(1, NOON.isoformat(), 0, "slot_skipped", {"slot": 2, "since": 0, "reason": "it passed"}),
        Entry(2, NOON.isoformat(), 0, "slot_skipped", {"slot": 302, "since": 3, "reason": "it passed"}),
    ]
    slots = slots_in(entries, NOON, 1.0)
    assert [(slot.number, slot.reason) for slot in slots] == [
        *((number, "it passed") for number in range(3)),
        (302, "it passed, as did the 299 before it"),
    ]


def test_a_series_being_shot_can_be_read(tmp_path):
    story = story_of(series(tmp_path, [Drawn(), Drawn(end="begun")]).folder)
    assert story.slots[1].end is SlotEnd.BEGUN
    assert story.slots[1].seconds is None


@pytest.mark.parametrize(("lost", "left_bytes"), [("there", 1), ("there/below", 2), ("there/a", 2), (".", 0)])
def test_what_of_a_stack_cannot_be_read_weighs_nothing(tmp_path, monkeypatch, lost, left_bytes):
    """The page of its series ended there."""
    (tmp_path / "there/below").mkdir(parents=True)
    for name in ("b", "there/a", "there/below/c"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "link").symlink_to("b")
    assert folder_bytes(tmp_path) == 3
    put_in_bad_sectors(monkeypatch, tmp_path / lost)
    assert folder_bytes(tmp_path) == left_bytes
