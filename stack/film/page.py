"""A series' story for people: one page that needs no other file, on a phone or a desk. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from statistics import median
from typing import Any, Final
from urllib.parse import quote

from stack.film import page_style
from stack.film.curves import Row, Values, bars_svg, lines_svg, span_of
from stack.page_parts import definitions, document, folded_table, jpeg_source, keyed, sentences
from stack.words import exposure_words, index_words, sentence, span_words

Account = Mapping[str, Any]
"""As `stack.film.account.account` gives it."""

LEAST_STOPS: Final = 0.5
LEAST_PX: Final = 4.0
"""What the height of a curve stands for at least, so that nothing does not look like much."""

MOST_SHOWN: Final = 1000
"""Pictures on a page; of a longer series every second slot is shown, or every third ..."""
MOST_ROWS: Final = 10_000
"""Slots in its table: the last ones."""

Thumbs = Mapping[int, bytes]
"""JPEGs by slot."""

_EXPOSING: Final = {
    "lock-first": "as the first stack",
    "per-stack": "each stack metered anew",
    "ramp": "each stack metered anew, in small steps",
}
_ENDS: Final = {"begun": "being shot", "done": "done", "failed": "failed", "skipped": "left out"}


def page(
    account: Account,
    thumbs: Thumbs,
    written_at: datetime,
    warnings: Sequence[str] = (),
    film: str | None = None,
) -> str:
    """Write the page. Whatever words are in `account` stay text; times are in the zone of `written_at`.

    `film` is the name of the film's file where it lies beside the page: all that the page links to.
    """
    zone = _local(written_at)
    rows = account["slots"]
    parts = [
        _head(account, zone, film),
        _tally(account),
        _troubles(rows, warnings),
        _light(rows, zone),
        _drift(rows, zone),
        _times(account, zone),
        _strip(account, thumbs, zone),
        _facts(account, zone, written_at),
        _table(rows, zone),
    ]
    return document(f"{account['name']} – {account['series']}", parts, page_style.STYLE)


Shown = Callable[[str | None], str]
"""Writes an instant given in ISO 8601 as a clock on the wall shows it."""


def _local(written_at: datetime) -> Shown:
    def shown(at: str | None) -> str:
        return (
            ""
            if at is None
            else f"{datetime.fromisoformat(at).astimezone(written_at.tzinfo):%Y-%m-%d %H:%M:%S}"
        )

    return shown


def _head(account: Account, shown: Shown, film: str | None) -> str:
    phase = escape(account["phase"])
    rows = account["slots"]
    facts = [f"every {span_words(account['every_s'])}"]
    if rows:
        facts.append(f"{shown(_at(rows[0]))[:16]} to {shown(_at(rows[-1]))[:16]}")
    facts.append(account["series"])
    reason = f"<p>{escape(sentence(account['reason']))}</p>\n" if account["reason"] else ""
    link = f' · <a href="{quote(film)}">see the film</a>' if film else ""
    return f"""<header>
<h1>{escape(account["name"])} <span class="pill {phase}">{phase}</span></h1>
<p class="soft-ink">{" · ".join(escape(fact) for fact in facts)}{link}</p>
{reason}</header>"""


def _tally(account: Account) -> str:
    of = f" of {account['count']}" if account["count"] else ""
    figures = [(f"{account['done']}{of}", "stacks done"), (str(account["pictures"]), "pictures")]
    figures += [(str(account[end]), words) for end, words in (("failed", "failed"), ("skipped", "left out"))]
    figures.append((_bytes(account["bytes"]), "on the disk"))
    shown = "\n".join(f"<div><b>{escape(n)}</b><span>{words}</span></div>" for n, words in figures)
    return f'<div class="tally">\n{shown}\n</div>'


def _troubles(rows: Sequence[Row], warnings: Sequence[str]) -> str:
    lists = [
        sentences("Failed", "wait", _grouped([row for row in rows if row["end"] == "failed"])),
        sentences("Left out", "wait", _grouped([row for row in rows if row["end"] == "skipped"])),
        sentences("Without a picture", "wait", _grouped([row for row in rows if _lacks_picture(row)])),
        sentences("Worth a look", "wait", [sentence(said) for said in warnings]),
    ]
    words = "".join(lists)
    return f'<div class="cards">\n<div>\n{words}</div>\n</div>' if words else ""


def _lacks_picture(row: Row) -> bool:
    return row["end"] == "done" and row["picture"] is None


def _grouped(rows: Sequence[Row]) -> list[str]:
    """Give a sentence a reason, with the slots that had it."""
    reasons: dict[str, list[int]] = {}
    for row in rows:
        reasons.setdefault(row["reason"] or "no reason was given", []).append(row["slot"])
    return [
        f"{'Slots' if len(slots) > 1 else 'Slot'} {index_words(slots)}: {reason}"
        for reason, slots in reasons.items()
    ]


def _of_pictures(rows: Sequence[Row], name: str) -> list[tuple[int, float]]:
    return [
        (row["slot"], row["picture"][name])
        for row in rows
        if row["picture"] is not None and row["picture"][name] is not None
    ]


def _light(rows: Sequence[Row], shown: Shown) -> str:
    levels = _of_pictures(rows, "stops")
    if len(levels) < 2:
        return ""
    gains = dict(_of_pictures(rows, "gain_stops"))
    filmed = [(slot, level + gains[slot]) for slot, level in levels]
    span = span_of(levels, filmed, least=LEAST_STOPS)

    def label(row: Row) -> str:
        about = row["picture"] or {}
        if about.get("stops") is None:
            return _label(row, shown)
        return f"{_label(row, shown)}: {about['stops']:+.2f} stops, {about['gain_stops']:+.2f} in the film"

    drawing = lines_svg(rows, (("soft", levels), ("", filmed)), span, "Light of each picture", label)
    keys = _keys(("line-soft", "as photographed"), ("line-main", "in the film"))
    caption = f"{span[0]:+.2g} to {span[1]:+.2g} stops beside the first picture"
    return _curve("Light", caption, keys, drawing, rows, shown)


def _drift(rows: Sequence[Row], shown: Shown) -> str:
    right, down = _of_pictures(rows, "right_px"), _of_pictures(rows, "down_px")
    if len(right) < 2:
        return ""
    span = span_of(right, down, least=LEAST_PX)

    def label(row: Row) -> str:
        about = row["picture"] or {}
        if about.get("right_px") is None:
            return f"{_label(row, shown)}{': ' + about['trouble'] if about.get('trouble') else ''}"
        return (
            f"{_label(row, shown)}: {about['right_px']:+.1f} px right, {about['down_px']:+.1f} px down, "
            f"turned by {about['turn_deg']:+.2f}°, scaled by {about['scale']:.4f}"
        )

    drawing = lines_svg(rows, (("", right), ("down", down)), span, "Drift of each picture", label)
    keys = _keys(("line-main", "right"), ("line-down", "down"))
    caption = f"{span[0]:+.3g} to {span[1]:+.3g} px where the middle was; the film takes it out"
    return _curve("Drift", caption, keys, drawing, rows, shown)


def _times(account: Account, shown: Shown) -> str:
    rows = account["slots"]
    took: Values = [(row["slot"], row["seconds"]) for row in rows if row["seconds"] is not None]
    if not took:
        return ""
    top = max(seconds for _, seconds in took)

    def label(row: Row) -> str:
        took = "" if row["seconds"] is None else f", {_ENDS[row['end']]} after {span_words(row['seconds'])}"
        return f"{_label(row, shown)}{took}"

    drawing = bars_svg(rows, took, top, "How long each stack took", label)
    middle = median(seconds for _, seconds in took)
    caption = f"up to {span_words(top)} a stack, {span_words(middle)} usually"
    return _curve("How long", caption, "", drawing, rows, shown)


def _curve(title: str, caption: str, keys: str, drawing: str, rows: Sequence[Row], shown: Shown) -> str:
    gone = any(row["end"] in ("failed", "skipped") for row in rows)
    keys += " " * bool(keys and gone) + (keyed("missing", "no stack") if gone else "")
    first, last = rows[0], rows[-1]
    return f"""<section class="curves">
<h2>{title}</h2>
<p class="scale"><span>{escape(caption)}</span><span class="end">{keys}</span></p>
{drawing}
<p class="scale"><span>slot {first["slot"]}<br>{shown(_at(first))[:16]}</span>
<span class="end">slot {last["slot"]}<br>{shown(_at(last))[:16]}</span></p>
</section>"""


def _keys(*keys: tuple[str, str]) -> str:
    return " ".join(keyed(kind, words) for kind, words in keys)


def _at(row: Row) -> str:
    return str(row["begun_at"] or row["due_at"])


def _label(row: Row, shown: Shown) -> str:
    reason = f" ({row['reason']})" if row["reason"] else ""
    return f"slot {row['slot']}, {shown(_at(row))[:16]}, {_ENDS[row['end']]}{reason}"


def field_px(slots: int) -> int:
    """Give how wide thumbnails are, in pixels: a page of a thousand is still a page."""
    return 320 if slots <= 60 else 240 if slots <= 250 else 160 if slots <= 700 else 120


def one_in(slots: int) -> int:
    """Give of how many slots one has its picture on the page."""
    return max(1, -(-slots // MOST_SHOWN))


def _strip(account: Account, thumbs: Thumbs, shown: Shown) -> str:
    rows, (across, down) = account["slots"], account["shape"]
    if not rows:
        return "<p>No slot has come yet.</p>"
    width, each = field_px(len(rows)), one_in(len(rows))
    fields = "\n".join(_field(row, thumbs.get(row["slot"]), shown) for row in rows[::each])
    size = f"--field: {min(11, width / 16):.3g}rem; --shape: {across} / {down}"
    note = f'<p class="soft-ink">One in {each} of {len(rows)} slots is shown.</p>\n' if each > 1 else ""
    return f'{note}<div class="strip" style="{size}">\n{fields}\n</div>'


def _field(row: Row, thumb: bytes | None, shown: Shown) -> str:
    at = shown(_at(row))
    words = escape(_label(row, shown))
    if thumb is not None:
        picture = f'<img alt="{words}" title="{words}" decoding="async" src="{jpeg_source(thumb)}">'
    else:
        reason = escape(row["reason"] or "no picture")
        end = row["end"]
        said = f"<b>{_ENDS[end]}</b><span>{reason}</span>"
        picture = f'<div class="none {end}" title="{words}">{said}</div>'
    return f"<figure>{picture}<figcaption><b>{row['slot']}</b><span>{at[5:16]}</span></figcaption></figure>"


def _facts(account: Account, shown: Shown, written_at: datetime) -> str:
    sections = [
        definitions("The series", dict(_how(account, shown))),
        definitions("Time and room", dict(_costs(account, shown, written_at))),
    ]
    return f'<div class="facts">\n{"".join(sections)}</div>'


def _how(account: Account, shown: Shown) -> Iterator[tuple[str, str]]:
    if account["plan"]:
        yield "Plan", str(account["plan"])
    yield "Start", shown(account["start"])
    yield "Rhythm", f"a stack every {span_words(account['every_s'])}"
    if account["window"]:
        yield "Hours", " to ".join(account["window"])
    if account["until"]:
        yield "Until", shown(account["until"])
    manner = account["manner"]
    yield "Exposing", _EXPOSING.get(manner["exposure"], manner["exposure"])
    yield "Range", "follows the subject" if manner["follow"] else "as the plan has it"
    yield "Kept when room is short", manner["keep"]
    if exposures := list(
        dict.fromkeys(map(_exposure, filter(None, (row["exposure"] for row in account["slots"]))))
    ):
        shown_exposures = "; ".join(exposures[:3]) + (" …" if len(exposures) > 3 else "")
        changes = "" if len(exposures) == 1 else f" ({len(exposures)} different)"
        yield "Exposure", shown_exposures + changes
    drifts = [(right**2 + down**2) ** 0.5 for (_, right), (_, down) in _both(account["slots"])]
    if len(drifts) > 1:
        yield "Drift", f"up to {max(drifts):.1f} px, {drifts[-1]:.1f} px in the end"


def _both(rows: Sequence[Row]) -> Iterator[tuple[tuple[int, float], tuple[int, float]]]:
    return zip(_of_pictures(rows, "right_px"), _of_pictures(rows, "down_px"), strict=True)


def _exposure(record: Mapping[str, Any]) -> str:
    red, blue = record["colour_gains"]
    return f"{exposure_words(record)}, colour gains {red:.3g} and {blue:.3g}"


def _costs(account: Account, shown: Shown, written_at: datetime) -> Iterator[tuple[str, str]]:
    rows = account["slots"]
    if took := [row["seconds"] for row in rows if row["seconds"] is not None and row["end"] == "done"]:
        yield "A stack took", f"{span_words(median(took))} usually, {span_words(max(took))} at most"
    if late := [row["late_s"] for row in rows if row["late_s"] is not None]:
        yield (
            "It began",
            f"{span_words(max(0.0, median(late)))} late usually, {span_words(max(0.0, *late))} at most",
        )
    if sizes := [row["bytes"] for row in rows if row["bytes"]]:
        yield "A stack takes", f"{_bytes(median(sizes))} on the disk, all of them {_bytes(account['bytes'])}"
    yield "Times are in", f"{written_at:%Z}" or "UTC"
    yield "Written", shown(written_at.isoformat())


def _table(rows: Sequence[Row], shown: Shown) -> str:
    if not rows:
        return ""
    titles = ("Slot", "Due", "Begun", "Ended", "Took", "Size", "Light", "Drift", "Stack")
    which = (
        f"All {len(rows)} slots" if len(rows) <= MOST_ROWS else f"The last {MOST_ROWS} of {len(rows)} slots"
    )
    return folded_table(which, titles, (_row(row, shown) for row in rows[-MOST_ROWS:]))


def _row(row: Row, shown: Shown) -> str:
    about = row["picture"] or {}
    light, right, down = about.get("stops"), about.get("right_px"), about.get("down_px")
    cells = (
        str(row["slot"]),
        shown(row["due_at"]),
        shown(row["begun_at"])[11:] or "–",
        shown(row["ended_at"])[11:] or "–",
        "–" if row["seconds"] is None else span_words(row["seconds"]),
        "–" if row["bytes"] is None else _bytes(row["bytes"]),
        "–" if light is None else f"{light:+.2f}",
        "–" if right is None or down is None else f"{(right**2 + down**2) ** 0.5:.1f} px",
    )
    words = ". ".join(
        said for said in (row["session"], f"{_ENDS[row['end']]}{_because(row)}", about.get("trouble")) if said
    )
    kind = f"why {row['end']}-word"
    shown_cells = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr>{shown_cells}<td class="{kind}">{escape(words)}</td></tr>'


def _because(row: Row) -> str:
    return f": {row['reason']}" if row["reason"] else ""


def _bytes(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"
