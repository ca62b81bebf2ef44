"""The daemon's values as the JSON its clients read. Pure, but for the look at a session's folder."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from camera.lens import LensSettings
from focusd.delivery import Backlog, outstanding
from focusd.merges import MergeProgress
from focusd.now import Now, Preview
from rail.axis import Position, Trust
from rail.axis_settings import AxisSettings
from rail.focus import Distances
from rail.screw import Scale
from rail.signals import MotorReport
from stack.correction import correction_words
from stack.merge.versions import chosen_number, version_numbers
from stack.plan import Marks, StackPlan
from stack.record import exposure_record
from stack.session import Session
from stack.session_state import Phase, SessionState
from stack.vitals import Vitals, vitals_record

Json = dict[str, Any]

_FILES = {
    "merged": "merged.jpg",
    "depth": "depth.png",
    "confidence": "confidence.png",
    "depth_preview": "depth-preview.jpg",
    "report": "report.html",
}


def status_view(
    now: Now,
    merge: MergeProgress | None,
    folder: Path,
    last_session: Json | None,
    backlog: Backlog,
    distances: Distances | None,
    vitals: Vitals,
) -> Json:
    """Show the rig as it is.

    Parameters
    ----------
    now, merge, last_session, backlog
        What it does, and what it has made.
    folder
        Where its sessions go.
    distances
        What a place means before the lens.
    vitals
        How the Pi is.
    """
    scale, camera = now.scale, now.camera
    surely = distances if now.position.trust is not Trust.UNKNOWN else None
    return {
        "job": _job_view(now),
        "paused": _paused_view(now),
        "axis": {
            **place_view(now.position, scale),
            "moving": now.moving,
            "emergency_stop": now.emergency,
            "nearest_u": scale.length_u(now.reach.nearest_steps),
            "farthest_u": scale.length_u(now.reach.farthest_steps),
            "homing_allowed": now.homing_allowed,
            "subject_mm": _subject_mm(surely, scale, now.position.steps),
        },
        "marks": marks_view(now.marks, scale),
        "camera": {
            "ready": camera.problem is None,
            "model": camera.model,
            "size_px": list(camera.size_px) if camera.size_px else None,
            "problem": camera.problem,
        },
        "disk": {
            "folder": str(folder),
            "free_bytes": now.free_bytes,
            "reserve_bytes": now.reserve_bytes,
        },
        "light": {"on": now.lit},
        "board": vitals_record(vitals),
        "merge": merge and {**asdict(merge), "seconds_left": merge.seconds_left},
        "delivery": {"waiting": backlog.waiting, "problem": backlog.problem},
        "last_session": last_session,
        "last_error": now.last_error,
    }


def _job_view(now: Now) -> Json | None:
    if now.job is None:
        return None
    progress = now.progress
    return {
        "job": now.job_number,
        "kind": now.job,
        "phase": progress.phase,
        "session": progress.session,
        "index": progress.index,
        "slices": progress.slices,
        "seconds_left": progress.seconds_left,
        "rests": progress.rests,
    }


def _paused_view(now: Now) -> Json | None:
    """Show the stack that waits to go on; None while anything runs, for then it is too early to tell."""
    if now.job is not None or now.paused is None:
        return None
    return {**asdict(now.paused), "words": now.paused.words}


def place_view(position: Position, scale: Scale) -> Json:
    """Show where the axis is."""
    return {
        "position_u": scale.length_u(position.steps),
        "position_steps": position.steps,
        "trust": position.trust.value,
        "unit": scale.unit,
    }


def lens_view(now: Now, settings: LensSettings) -> Json:
    """Show all that is known of an axis that is the camera's own lens."""
    length_u, span_u = now.scale.length_u, now.scale.span_u
    return {
        **place_view(now.position, now.scale),
        "moving": now.moving,
        "step_u": span_u(1),
        "nearest_u": length_u(now.reach.nearest_steps),
        "farthest_u": length_u(now.reach.farthest_steps),
        "counts_from": "infinity",
        "lens": {
            "stride_u": span_u(settings.stride_steps),
            "run_up_u": span_u(settings.run_up_steps),
            "settle_ms": settings.settle_ns / 1e6,
        },
    }


def axis_view(
    now: Now, report: MotorReport, settings: AxisSettings, complaints: tuple[str, ...], now_ns: int
) -> Json:
    """Show all that is known of the axis.

    Parameters
    ----------
    now, report
        The rig, and its switches and motor as they were last looked at.
    settings
        What is configured.
    complaints
        What the system did not permit the motion process.
    now_ns
        The present instant.
    """
    length_u = now.scale.length_u
    return {
        **place_view(now.position, now.scale),
        "moving": now.moving,
        "step_u": now.scale.span_u(1),
        "nearest_u": length_u(now.reach.nearest_steps),
        "farthest_u": length_u(now.reach.farthest_steps),
        "travel_u": length_u(settings.travel_steps),
        "near_end_u": length_u(settings.ends_steps[0]),
        "far_end_u": length_u(settings.ends_steps[1]),
        "counts_from": "home" if settings.near_end_steps is None else "mark",
        "keep_out_u": length_u(settings.keep_out_steps),
        "subject_side": settings.subject_side,
        "homing_allowed": now.homing_allowed,
        "switches": {"near": report.limits.near, "far": report.limits.far},
        "emergency_stop": {"in_force": now.emergency, "pressed": report.emergency_pressed},
        "energised": report.energised,
        "gravity": settings.gravity,
        "self_holding": settings.self_holding,
        "looked_s_ago": max(0, now_ns - report.looked_ns) / 1e9,
        "speed": {
            "start_u_s": length_u(settings.ramp.start_steps_s),
            "max_u_s": length_u(settings.ramp.max_steps_s),
            "acceleration_u_s2": length_u(settings.ramp.acceleration_steps_s2),
            "homing_u_s": length_u(settings.homing_ramp.max_steps_s),
            "touch_u_s": length_u(settings.touch_steps_s),
        },
        "motion": {
            "complaints": list(complaints),
            "late_steps": report.late_steps,
            "max_late_ms": report.max_late_ns / 1e6,
        },
    }


def marks_view(marks: Marks, scale: Scale) -> Json:
    """Show the marks."""
    return {"near_u": marks.near_u, "far_u": marks.far_u, "unit": scale.unit}


def _subject_mm(distances: Distances | None, scale: Scale, steps: int) -> float | None:
    """Give the distance of what is sharp there, None where nobody has measured it."""
    return distances.distance_mm(scale.length_u(steps)) if distances is not None else None


def plan_view(plan: StackPlan, preview: Preview, scale: Scale, distances: Distances | None) -> Json:
    """Show what a plan comes to; `distances` says what a place means."""
    layout = preview.layout
    ends_steps = (layout.positions_steps[0], layout.positions_steps[-1])
    surely = None if layout.adrift else distances
    return {
        "plan": plan.name,
        "slices": layout.slices,
        "pitch_u": layout.pitch_u,
        "asked_pitch_u": layout.asked_pitch_u,
        "dof_u": layout.dof_u,
        "near_u": scale.length_u(ends_steps[0]),
        "far_u": scale.length_u(ends_steps[1]),
        "subject_mm": [_subject_mm(surely, scale, end_steps) for end_steps in ends_steps],
        "unit": scale.unit,
        "seconds": preview.cost.seconds,
        "bytes": preview.cost.bytes if preview.cost.bytes or plan.rehearse else None,
        "free_bytes": preview.free_bytes,
        "after": plan.after.value,
        "homes_first": preview.homes_first,
        "needs": plan.needs.value,
        "rehearse": plan.rehearse,
        "same_specimen": list(preview.same_specimen),
        "doubt": preview.doubt,
    }


def session_view(session: Session, state: SessionState, *, running: str | None, merge: str | None) -> Json:
    """Show a session.

    Parameters
    ----------
    session, state
        The session and the fold of its journal.
    running
        The session being shot now: any other that says so of itself was interrupted.
    merge
        What this daemon is doing about its merge, `waiting` or `running`; None: nothing.
    """
    files = {name: session.path / file for name, file in _FILES.items()}
    return {
        "session": session.id,
        "folder": str(session.path),
        "phase": phase_word(state.phase, running=running == session.id),
        "slices": state.slices,
        "saved": len(state.saved),
        "began_at": state.began_at,
        "ended_at": state.ended_at,
        "reason": state.reason,
        "resumable": state.resumable and running != session.id,
        "exposure": exposure_record(state.exposure) if state.exposure else None,
        "correction": correction_words(session.facts.camera.get("shading") or {}, state.exposure),
        "fields": dict(session.facts.fields),
        "missed_u": state.missed_u,
        "delivered": dict(state.delivered),
        "undelivered": list(outstanding(session, state)),
        "merge": merge or _merge_word(state),
        "merges": version_numbers(session.path),
        "merge_chosen": chosen_number(session.path),
        "files": {name: str(path) for name, path in files.items() if path.exists()},
    }


def phase_word(phase: Phase, *, running: bool) -> str:
    """Give the word for how far a session came; one left in the middle was interrupted."""
    return "interrupted" if phase is Phase.SHOOTING and not running else phase.value


def _merge_word(state: SessionState) -> str:
    """Give the word for a merge that nobody is doing now.

    Of a stack that lacks slices any picture counts: that merges are given up when it pauses is no failure.
    """
    whole = [merge.ended and merge.error is None for merge in state.merges]
    if state.phase is not Phase.DONE:
        return "done" if any(whole) else "none"
    if not whole:
        return "none"
    return "done" if whole[-1] else "failed"
