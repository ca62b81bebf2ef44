"""What became of a stack, as values: report.json, and what report.html and focusctl show of it. Pure."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from rail.screw import Unit
from stack.correction import correction_doubts
from stack.faults import Fault
from stack.layout import Layout
from stack.merge.coverage import coverage_of, coverage_record, shortfalls, verdict
from stack.record import exposure_record, plan_record
from stack.rehoming import homing_doubts, lost_steps
from stack.session import Session
from stack.session_state import SavedSlice, SessionState
from stack.vitals import vitals_record
from stack.words import UNITS, index_words, sentence

SCHEMA = 2

_MEASURED: Final = ("sharpness", "share", "likeness", "doubt")
"""What a merge says of a slice that a report repeats; docs/merge.md says what it means."""


def report(
    session: Session,
    state: SessionState,
    merge: Mapping[str, Any] | None = None,
    faults: Sequence[Fault] = (),
    *,
    underway: bool = False,
) -> dict[str, Any]:
    """Gather what there is to say about a session as plain JSON values.

    Parameters
    ----------
    session, state
        The session, and the fold of its journal.
    merge
        The content of the chosen merge's merge.json.
    faults
        What went wrong on the way.
    underway
        It is being shot: what is missing is to come.
    """
    layout, scale = session.layout, session.scale
    coverage = _coverage(merge)
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
        "slices": _slices(state.saved, merge),
        "missing": list(state.missing),
        "merge": dict(merge) if merge is not None else None,
        "coverage": coverage,
        "warnings": [
            *warnings(layout, state, scale.unit, underway=underway),
            *_pixel_doubts(session),
            *correction_doubts(session.facts.camera.get("shading") or {}, state),
            *(sentence(said) for said in (merge or {}).get("warnings", ()) if not _repeats(coverage, said)),
        ],
        "faults": [{"at": one.at, "index": one.index, "words": one.words} for one in faults],
    }


def warnings(
    layout: Layout, state: SessionState, axis_unit: Unit = "um", *, underway: bool = False
) -> list[str]:
    """List in sentences what may have cost quality, as far as shooting can tell."""
    found, unit = [], UNITS[axis_unit]
    if state.missing and not underway:
        found.append(
            f"{len(state.missing)} of {state.slices} slices are missing: {index_words(state.missing)}."
        )
    if layout.dof_u is not None and layout.pitch_u > layout.dof_u:
        found.append(
            f"Slices are {layout.pitch_u:.4g} {unit} apart and each is sharp over {layout.dof_u:.4g} "
            f"{unit}: expect unsharp bands between them."
        )
    if lost := lost_steps(layout.pitch_u, state.missed_u, axis_unit):
        found.append(lost)
    found += homing_doubts(layout.pitch_u, state.moved_u, state.repeat_u, axis_unit)
    if state.let_go is not None:
        found.append(f"The files of the slices are gone, the picture stays: {state.let_go}.")
    return found + [f"The journal cannot be read in full, {what}." for what in state.damage]


def _pixel_doubts(session: Session) -> list[str]:
    """Say where the optics told other pixels than the camera; a session from before tells no camera's."""
    optics, pixel_um = session.plan.optics, session.facts.camera.get("pixel_um")
    doubt = optics.pixel_doubt(pixel_um) if optics and isinstance(pixel_um, float) else None
    return [sentence(doubt)] if doubt else []


def report_json(values: Mapping[str, Any]) -> str:
    """Write a report for programs."""
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _coverage(merge: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Say whether the slices cover the subject, in numbers and words; None where no merge has looked."""
    if merge is None or "coverage" not in merge:
        return None
    found = coverage_of(merge["coverage"])
    lacking, whole = shortfalls(found), verdict(found)
    words = [sentence(said) for said in ([whole] if whole else lacking)]
    return {**coverage_record(found), "covered": found.judged and not lacking, "words": words}


def _repeats(coverage: Mapping[str, Any] | None, said: str) -> bool:
    return coverage is not None and sentence(said) in coverage["words"]


def _slices(saved: Mapping[int, SavedSlice], merge: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Give a row a slice, with what the merge measured of it.

    Times count from the slice that was saved first, and are None across a restart of the machine.
    """
    began_ns = [one.began_ns for one in saved.values()]
    one_boot = all(earlier < later for earlier, later in pairwise(began_ns))
    measured = {one["index"]: one for one in (merge or {}).get("slices", ())}
    return [
        {
            "index": one.index,
            "file": one.file,
            "sha256": one.sha256,
            "bytes": one.bytes,
            "position_steps": one.position_steps,
            "position_u": one.position_u,
            "exposure": exposure_record(one.exposure),
            "seconds": (one.began_ns - began_ns[0]) / 1e9 if one_boot else None,
            "saved_at": one.saved_at,
            **vitals_record(one.vitals),
            **{name: measured.get(one.index, {}).get(name) for name in _MEASURED},
        }
        for _, one in sorted(saved.items())
    ]
