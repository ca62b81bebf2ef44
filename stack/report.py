"""What became of a stack, for people and for programs: report.html and report.json. Pure."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import pairwise
from typing import Any

from stack.optics import Optics
from stack.plan import Layout
from stack.record import exposure_record, plan_record
from stack.session import SavedSlice, Session, SessionState

SCHEMA = 1

_UNITS = {"um": "µm", "deg": "°", "d": "D"}

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #66707a; --line: #dde2e6; --paper: #fff;
        --good: #2a7d4f; --bad: #b3372f; --wait: #a36a00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --soft: #98a2ab; --line: #343b42; --paper: #16191c; --good: #5dbb87; --bad: #ec7a70;
          --wait: #dda23a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
       margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
header p { color: var(--soft); margin: .2rem 0 1.2rem; }
.done { color: var(--good); } .failed, .aborted { color: var(--bad); }
.created, .shooting, .paused { color: var(--wait); }
figure { margin: 0 0 1.2rem; } figure img { width: 100%; height: auto; border-radius: 6px; display: block; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.4rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 1.2rem; } .warnings { color: var(--wait); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: normal; } th, td { text-align: right; padding: .2rem .6rem; }
th:first-child, td:first-child { text-align: left; } td { border-top: 1px solid var(--line); }
""".strip()


def report(session: Session, state: SessionState, merge: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Gather what there is to say about a session as plain JSON values.

    Parameters
    ----------
    session, state
        The session, and the fold of its journal.
    merge
        The content of the chosen merge's merge.json; of it, "warnings" (a list of sentences) is read, and all
        is kept.
    """
    layout, scale = session.layout, session.scale
    return {
        "schema": SCHEMA,
        "session": session.id,
        "name": session.plan.name,
        "created_at": session.created_at,
        "began_at": state.began_at,
        "ended_at": state.ended_at,
        "outcome": state.phase.value,
        "reason": state.reason,
        "unit": scale.unit,
        "plan": plan_record(session.plan),
        "layout": {
            "slices": layout.slices,
            "near_u": scale.length_u(layout.positions_steps[0]),
            "far_u": scale.length_u(layout.positions_steps[-1]),
            "pitch_u": layout.pitch_u,
            "asked_pitch_u": layout.asked_pitch_u,
            "dof_u": layout.dof_u,
            "step_u": scale.span_u(1),
        },
        "exposure": exposure_record(state.exposure) if state.exposure else None,
        "camera": dict(session.facts.camera),
        "fields": dict(session.facts.fields),
        "versions": dict(session.facts.versions),
        "slices": _slices([state.saved[index] for index in sorted(state.saved)]),
        "missing": list(state.missing),
        "merge": dict(merge) if merge is not None else None,
        "warnings": warnings(layout, state, merge, _UNITS[scale.unit]),
    }


def warnings(
    layout: Layout, state: SessionState, merge: Mapping[str, Any] | None = None, unit: str = "µm"
) -> list[str]:
    """List in sentences what may have cost quality."""
    found = []
    if state.missing:
        found.append(f"{len(state.missing)} of {state.slices} slices are missing: {_ranges(state.missing)}.")
    if layout.dof_u is not None and layout.pitch_u > layout.dof_u:
        found.append(
            f"Slices are {layout.pitch_u:.4g} {unit} apart and each is sharp over {layout.dof_u:.4g} "
            f"{unit}: expect unsharp bands between them."
        )
    if state.missed_u is not None and abs(state.missed_u) > layout.pitch_u / 2:
        found.append(
            f"The motor lost steps on the way: homed after the last slice, the axis was "
            f"{abs(state.missed_u):.4g} {unit} off, more than half of the {layout.pitch_u:.4g} {unit} "
            "between slices. Their places are not what they say: look for a jam, a loose coupling or too "
            "little current, then shoot again."
        )
    found += [f"Slice {index} was shot again: {why}." for index, why in sorted(state.retaken.items())]
    found += [f"The journal was altered on disk, {what}." for what in state.damage]
    found += [f"A merge failed: {merge_state.error}" for merge_state in state.merges if merge_state.error]
    return found + [str(warning) for warning in (merge or {}).get("warnings", ())]


def report_json(values: Mapping[str, Any]) -> str:
    """Write a report for programs."""
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def report_html(values: Mapping[str, Any], picture: bytes | None = None) -> str:
    """Write a report for people: one file that needs no other.

    Parameters
    ----------
    values
        As from `report`.
    picture
        The merged picture as a JPEG, scaled down for a page; None when there is none.
    """
    title, outcome = escape(values["name"]), escape(values["outcome"])
    reason = f": {escape(values['reason'])}" if values["reason"] else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – {escape(values["session"])}</title>
<style>
{_STYLE}
</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p><strong class="{outcome}">{outcome}</strong>{reason} · {len(values["slices"])} of
{values["layout"]["slices"]} slices · {escape(values["session"])}</p>
</header>
{_figure(picture)}{_warnings(values["warnings"])}<h2>How it was shot</h2>
{_definitions(_how(values))}
{_section("Specimen", values["fields"])}<h2>Slices</h2>
{_table(values["slices"], values["unit"])}
{_section("Made with", values["versions"])}</body>
</html>
"""


def _slices(saved: Sequence[SavedSlice]) -> list[dict[str, Any]]:
    """Give a row a slice; times count from the first slice, and are None across a restart of the machine."""
    first_ns = saved[0].began_ns if saved else 0
    began_ns = [one.began_ns for one in saved]
    one_boot = all(earlier < later for earlier, later in pairwise(began_ns))
    return [
        {
            "index": one.index,
            "file": one.file,
            "sha256": one.sha256,
            "bytes": one.bytes,
            "position_steps": one.position_steps,
            "position_u": one.position_u,
            "exposure": exposure_record(one.exposure),
            "seconds": (one.began_ns - first_ns) / 1e9 if one_boot else None,
            "saved_at": one.saved_at,
        }
        for one in saved
    ]


def _how(values: Mapping[str, Any]) -> dict[str, str]:
    layout, plan, unit = values["layout"], values["plan"], _UNITS[values["unit"]]
    how = {
        "Range": f"{layout['near_u']:.6g} to {layout['far_u']:.6g} {unit}",
        "Pitch": f"{layout['pitch_u']:.4g} {unit} at most, on a grid of {layout['step_u']:.4g} {unit}",
    }
    if layout["asked_pitch_u"] is not None:
        how["Pitch"] += f" (asked: {layout['asked_pitch_u']:.4g} {unit})"
    if layout["dof_u"] is not None:
        how["Depth of field"] = f"{layout['dof_u']:.4g} {unit}"
    if optics := plan["optics"]:
        how["Optics"] = f"{Optics(**optics).words}, {optics['pixel_um']:g} µm pixels"
    if values["exposure"]:
        red, blue = values["exposure"]["colour_gains"]
        how["Exposure"] = f"{_exposure(values['exposure'])}, colour gains {red:.3g} and {blue:.3g}"
    how["Settling"] = f"{plan['settle_ms']} ms"
    how["Camera"] = _camera(values["camera"])
    how["Began"] = _moment(values["began_at"]) or "not begun"
    how["Ended"] = _moment(values["ended_at"]) or "not ended"
    return how


def _camera(camera: Mapping[str, Any]) -> str:
    names = dict.fromkeys(str(camera[key]) for key in ("make", "model", "sensor") if key in camera)
    size = f", {camera['size_px'][0]} × {camera['size_px'][1]} pixels" if "size_px" in camera else ""
    return " ".join(names) + size


def _moment(at: str | None) -> str | None:
    return None if at is None else f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%S} UTC"


def _figure(picture: bytes | None) -> str:
    if picture is None:
        return ""
    encoded = base64.b64encode(picture).decode()
    return f'<figure><img alt="The merged picture" src="data:image/jpeg;base64,{encoded}"></figure>\n'


def _warnings(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "\n".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<h2>Worth a look</h2>\n<ul class="warnings">\n{items}\n</ul>\n'


def _section(title: str, pairs: Mapping[str, Any]) -> str:
    return f"<h2>{escape(title)}</h2>\n{_definitions(pairs)}\n" if pairs else ""


def _definitions(pairs: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f"<dt>{escape(str(term))}</dt><dd>{escape(str(text))}</dd>" for term, text in pairs.items()
    )
    return f"<dl>\n{rows}\n</dl>"


def _table(slices: Sequence[Mapping[str, Any]], unit: str) -> str:
    if not slices:
        return "<p>None was saved.</p>"
    places = 5 if unit == "d" else 2
    rows = "\n".join(
        f"<tr><td>{one['index']}</td><td>{one['position_u']:.{places}f}</td><td>{_exposure(one['exposure'])}</td>"
        f"<td>{'–' if one['seconds'] is None else format(one['seconds'], '.2f')}</td>"
        f"<td>{one['bytes'] / 1e6:.2f}</td></tr>"
        for one in slices
    )
    return (
        f"<table>\n<tr><th>Slice</th><th>Position, {_UNITS[unit]}</th><th>Exposure</th><th>Time, s</th>"
        f"<th>Size, MB</th></tr>\n{rows}\n</table>"
    )


def _exposure(exposure: Mapping[str, Any]) -> str:
    return f"{exposure['time_us'] / 1000:g} ms, gain {exposure['gain']:.3g}"


def _ranges(indices: Sequence[int]) -> str:
    """Write indices with runs joined: 0, 4-9."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
