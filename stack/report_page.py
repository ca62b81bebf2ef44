"""A stack's report for people: one page that needs no other file, on a phone or a desk. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from stack.correction import correction_words
from stack.curve import largest, share_svg, sharpness_svg
from stack.optics import Optics
from stack.page_parts import definitions, document, folded_table, jpeg_source, keyed, sentences
from stack.record import exposure_of
from stack.words import UNITS, exposure_words, moment_words, sentence, span_words

Values = Mapping[str, Any]
"""As from `stack.report.report`."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """JPEGs scaled down for a page; None where there is none. `depth` is in colours, without a legend."""

    merged: bytes | None = None
    depth: bytes | None = None


def report_html(values: Values, pictures: Pictures = Pictures()) -> str:
    """Write the page. Whatever words are in `values` stay text."""
    parts = [
        _head(values),
        _merged(values, pictures.merged),
        _cards(values, pictures.depth),
        _curves(values),
        _facts(values),
        _table(values["slices"], values["unit"]),
    ]
    return document(f"{values['name']} – {values['session']}", parts)


def _head(values: Values) -> str:
    outcome, slices = escape(values["outcome"]), values["layout"]["slices"]
    saved = len(values["slices"])
    count = _many(slices) if saved == slices else f"{saved} of {_many(slices)}"
    facts = [count, moment_words(values["began_at"]), values["session"]]
    reason = f"<p>{escape(sentence(values['reason']))}</p>\n" if values["reason"] else ""
    return f"""<header>
<h1>{escape(values["name"])} <span class="pill {outcome}">{outcome}</span></h1>
<p class="soft-ink">{" · ".join(escape(fact) for fact in facts if fact)}</p>
{reason}</header>"""


def _merged(values: Values, picture: bytes | None) -> str:
    if picture is None:
        return ""
    merge = values["merge"] or {}
    method = (merge.get("settings") or {}).get("method")
    how = [f"Merged from {_many(len(merge.get('slices', ())))}"]
    how += [f"{method} method"] if method else []
    how += [span_words(merge["seconds"])] if "seconds" in merge else []
    return _figure("merged", "The merged picture", picture, escape(" · ".join(how)))


def _cards(values: Values, depth: bytes | None) -> str:
    """Put the depth map beside what is to be said in words."""
    coverage = values["coverage"]
    words = "".join(
        [
            sentences("Coverage", "good" if coverage["covered"] else "wait", coverage["words"])
            if coverage
            else "",
            sentences("Worth a look", "wait", values["warnings"]),
            sentences("On the way", "plain", [_on_the_way(fault) for fault in values["faults"]]),
        ]
    )
    picture = _figure("depth", "The depth map", depth, _legend(values["merge"] or {})) if depth else ""
    if not picture and not words:
        return ""
    return f'<div class="cards">\n{picture}\n<div>\n{words}</div>\n</div>'


def _figure(kind: str, words: str, picture: bytes, caption: str) -> str:
    return (
        f'<figure class="{kind}"><img alt="{words}" src="{jpeg_source(picture)}">\n'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _legend(merge: Mapping[str, Any]) -> str:
    """Say what the colours of the depth map mean."""
    depth = merge.get("depth") or {}
    span, um_per_slice = depth.get("span") or (), depth.get("um_per_slice")
    near, far = "near", "far"
    if span and um_per_slice:
        near, far = "0", _length((span[1] - span[0]) * um_per_slice)
    elif span:
        near, far = f"slice {span[0]:.1f}", f"slice {span[1]:.1f}"
    return f'<span class="ramp"><i>{near}</i><b></b><i>{far}</i></span> depth; grey: no detail tells'


def _length(um: float) -> str:
    return f"{um / 1000:.3g} mm" if um >= 1000 else f"{um:.3g} µm"


def _on_the_way(fault: Mapping[str, Any]) -> str:
    moment = moment_words(fault["at"]) or ""
    return f"{moment[11:19]} {fault['words']}"


def _curves(values: Values) -> str:
    """Draw what the merge measured of each slice; nothing where it has not."""
    rows, unit = values["slices"], UNITS[values["unit"]]
    if largest(rows, "sharpness") <= 0:
        return ""
    slices = values["layout"]["slices"]
    coverage = values["coverage"] or {"gaps": []}
    notes = [keyed("soft", "soft band")] if coverage["gaps"] else []
    notes += [keyed("missing", "missing")] if values["missing"] else []
    return f"""<section class="curves">
<h2>Slice by slice</h2>
<p class="scale"><span>Sharpness, up to {largest(rows, "sharpness"):.3g} levels</span>{_spaced(notes)}</p>
{sharpness_svg(rows, slices, coverage, unit)}
<p class="scale"><span>Share of the picture, up to {largest(rows, "share"):.1%}</span></p>
{share_svg(rows, slices, coverage, unit)}
<p class="scale"><span>slice 0<br>{values["layout"]["near_u"]:.6g} {unit}, near</span>
<span class="end">slice {slices - 1}<br>{values["layout"]["far_u"]:.6g} {unit}, far</span></p>
</section>"""


def _spaced(notes: Sequence[str]) -> str:
    return f'<span class="end">{" ".join(notes)}</span>' if notes else ""


def _facts(values: Values) -> str:
    sections = [
        definitions("How it was shot", dict(_how(values))),
        definitions("Specimen", values["fields"]),
        definitions("Made with", values["versions"]),
    ]
    return f'<div class="facts">\n{"".join(sections)}</div>'


def _how(values: Values) -> Iterator[tuple[str, str]]:
    layout, plan, unit = values["layout"], values["plan"], UNITS[values["unit"]]
    yield "Range", f"{layout['near_u']:.6g} to {layout['far_u']:.6g} {unit}"
    asked = layout["asked_pitch_u"]
    pitch = f"{layout['pitch_u']:.4g} {unit} at most, on a grid of {layout['step_u']:.4g} {unit}"
    yield "Pitch", pitch if asked is None else f"{pitch} (asked: {asked:.4g} {unit})"
    if layout["dof_u"] is not None:
        yield "Depth of field", f"{layout['dof_u']:.4g} {unit}"
    if optics := plan["optics"]:
        yield "Optics", f"{Optics(**optics).words}, {optics['pixel_um']:g} µm pixels"
    if exposure := values["exposure"]:
        red, blue = exposure["colour_gains"]
        yield "Exposure", f"{exposure_words(exposure)}, colour gains {red:.3g} and {blue:.3g}"
    yield "Settling", f"{plan['settle_ms']} ms"
    yield "Camera", _camera(values["camera"])
    if shading := values["camera"].get("shading"):
        exposure = values["exposure"] and exposure_of(values["exposure"])
        yield "Taken out", correction_words(shading, exposure)
    yield "Began", moment_words(values["began_at"]) or "not begun"
    yield "Ended", moment_words(values["ended_at"]) or "not ended"
    if pace := _pace(values["slices"]):
        yield "Took", pace
    if warmth_c := [one["temperature_c"] for one in values["slices"] if one["temperature_c"] is not None]:
        yield "Pi", " to ".join(dict.fromkeys(f"{c:.0f}" for c in (min(warmth_c), max(warmth_c)))) + " °C"


def _pace(slices: Sequence[Mapping[str, Any]]) -> str | None:
    """Say how long the slices took by the monotonic clock, from the beginning of the first exposure."""
    seconds = [one["seconds"] for one in slices if one["seconds"] is not None]
    if len(seconds) < 2:
        return None
    whole_s = max(seconds)
    each_s = whole_s / (len(seconds) - 1)
    return f"{span_words(whole_s)} from the first slice to the last, {span_words(each_s)} each"


def _camera(camera: Mapping[str, Any]) -> str:
    names = dict.fromkeys(str(camera[key]) for key in ("make", "model", "sensor") if key in camera)
    size = f", {camera['size_px'][0]} × {camera['size_px'][1]} pixels" if "size_px" in camera else ""
    return " ".join(names) + size


def _table(slices: Sequence[Mapping[str, Any]], unit: str) -> str:
    if not slices:
        return "<p>No slice was saved.</p>"
    places = 5 if unit == "d" else 2
    titles = ("Slice", f"Position, {UNITS[unit]}", "Exposure", "Time, s", "Size, MB", "Sharpness", "Share")
    return folded_table(
        f"All {_many(len(slices))}" if len(slices) > 1 else "The slice",
        titles,
        (_row(one, places) for one in slices),
    )


def _row(one: Mapping[str, Any], places: int) -> str:
    cells = (
        str(one["index"]),
        f"{one['position_u']:.{places}f}",
        exposure_words(one["exposure"]),
        _or_dash(one["seconds"], ".2f"),
        f"{one['bytes'] / 1e6:.2f}",
        _or_dash(one["sharpness"], ".2f"),
        _or_dash(one["share"], ".1%"),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _many(slices: int) -> str:
    return "1 slice" if slices == 1 else f"{slices} slices"


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
