"""How far a session has come: the fold of its journal. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from camera.camera import Exposure
from camera.lock import sensor_c
from stack.journal import FOREIGN, Entry, foreign_words
from stack.record import exposure_of
from stack.vitals import UNKNOWN, Vitals, vitals_of


class Phase(StrEnum):
    """How far a session has come, as its journal tells."""

    CREATED = "created"
    """Nothing was shot yet."""
    SHOOTING = "shooting"
    """Begun and not ended: being shot now, or if nobody shoots it, cut short by a crash or a power cut."""
    PAUSED = "paused"
    """Stopped by somebody, or for want of room; waits to be resumed."""
    DONE = "done"
    """Every slice is saved."""
    ABORTED = "aborted"
    """Ended by somebody."""
    FAILED = "failed"
    """Ended by an error; what is saved is good, and the rest may still be shot."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that was made durable, its path relative to the session's folder."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class SavedSlice:
    """A slice that was made durable at `saved_at` (UTC), as the journal recorded it.

    `companions` are files saved beside the one that is merged, such as raw ones; `vitals` is how the Pi was,
    and `sensor_c` how warm the sensor, where it says that.
    """

    index: int
    file: str
    sha256: str
    bytes: int
    position_steps: int
    position_u: float
    exposure: Exposure
    began_ns: int
    saved_at: str
    companions: tuple[SavedFile, ...] = ()
    vitals: Vitals = UNKNOWN
    sensor_c: float | None = None

    @property
    def files(self) -> tuple[SavedFile, ...]:
        """All that was saved of it, the file that is merged first."""
        return (SavedFile(self.file, self.sha256, self.bytes), *self.companions)


@dataclass(frozen=True, slots=True)
class MergeState:
    """One merge of the session; `files` are relative to its folder and empty until it has ended well.

    `sha256` is of each file as it was meant to be written; empty where that was not recorded.
    """

    files: tuple[str, ...] = ()
    slices: int = 0
    seconds: float = 0.0
    error: str | None = None
    ended: bool = False
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionState:
    """The fold of a journal.

    Attributes
    ----------
    phase
        How far it came.
    slices
        How many the plan asks for.
    saved
        By index, the last acknowledged saving of each.
    exposure, size_px
        What every slice is held to; None until it was locked.
    merges
        In order of their beginning.
    reason
        Why it was paused or aborted, or the error it failed with.
    began_at, ended_at
        UTC of the first and the last change of phase.
    missed_u
        How far off its reference the axis was when homed after the last slice; None: that was not done.
    recheck_failed
        Why the reference was not found after the last slice; None: it was, or was not looked for.
    moved_u, repeat_u
        When it went on, the most that the axis was off where it had been left, and that two homings differed;
        None where that was not measured.
    lacked_room
        It was paused because the disk was full.
    begun_in_vain
        How often shooting began since a slice was last saved.
    delivered
        When it last arrived (UTC) as it is now, by destination: a new picture has not arrived anywhere yet.
    let_go
        Why the files of its slices may have been removed; None: they were not.
    damage
        What is wrong with the journal, or of a shape that another version writes, in words; empty for a
        sound one. What such lines said is not in this state.
    """

    phase: Phase
    slices: int
    saved: Mapping[int, SavedSlice] = field(default_factory=dict)
    exposure: Exposure | None = None
    size_px: tuple[int, int] | None = None
    merges: tuple[MergeState, ...] = ()
    reason: str | None = None
    began_at: str | None = None
    ended_at: str | None = None
    missed_u: float | None = None
    recheck_failed: str | None = None
    moved_u: float | None = None
    repeat_u: float | None = None
    lacked_room: bool = False
    begun_in_vain: int = 0
    delivered: Mapping[str, str] = field(default_factory=dict)
    let_go: str | None = None
    damage: tuple[str, ...] = ()

    @property
    def pictures_made(self) -> int:
        """How many merges have ended well."""
        return sum(bool(merge.files) for merge in self.merges)

    @property
    def missing(self) -> tuple[int, ...]:
        """The indices of the slices not yet saved."""
        return tuple(index for index in range(self.slices) if index not in self.saved)

    @property
    def resumable(self) -> bool:
        """Whether shooting may go on, once it is clear that nobody is shooting now.

        A damaged journal does not forbid it: a slice counts only while its file is what a good line says.
        """
        return self.phase in (Phase.CREATED, Phase.SHOOTING, Phase.PAUSED, Phase.FAILED)


def fold(entries: Iterable[Entry], slices: int) -> SessionState:
    """Give the state that a journal's entries amount to, for a plan of so many slices. Pure."""
    state = SessionState(Phase.CREATED, slices)
    saved: dict[int, SavedSlice] = {}
    damage: list[str] = []
    for entry in entries:
        state = _begun(state)
        try:
            match entry.event, entry.facts:
                case "slice_saved", _:
                    one = _saved_slice(entry)
                    saved[one.index] = one
                    state = replace(state, exposure=state.exposure or one.exposure, begun_in_vain=0)
                case "slice_retaken", {"index": int(index)}:
                    saved.pop(index, None)
                case _:
                    state = _after(state, entry)
        except FOREIGN:
            damage.append(why := foreign_words(entry))
            if entry.event == "merge_done":  # it has ended: nobody begins it again unasked, or trusts in it
                state = replace(state, merges=(*state.merges[:-1], MergeState(error=why, ended=True)))
    return replace(state, saved=saved, damage=tuple(damage))


def _begun(state: SessionState) -> SessionState:
    """Take any line for a sign that shooting had begun, the one that says so being lost."""
    return replace(state, phase=Phase.SHOOTING) if state.phase is Phase.CREATED else state


def _after(state: SessionState, entry: Entry) -> SessionState:
    facts: Mapping[str, Any] = entry.facts
    match entry.event:
        case "stack_started" | "stack_resumed":
            return replace(
                state,
                phase=Phase.SHOOTING,
                reason=None,
                began_at=state.began_at or entry.at,
                ended_at=None,
                lacked_room=False,
                begun_in_vain=state.begun_in_vain + 1,
            )
        case "homed":
            return replace(
                state,
                moved_u=_farther(state.moved_u, facts.get("moved_u")),
                repeat_u=_farther(state.repeat_u, facts.get("repeat_u")),
            )
        case "rechecked":
            return replace(state, missed_u=facts["missed_u"], recheck_failed=None)
        case "recheck_failed":
            return replace(state, recheck_failed=facts["error"])
        case "exposure_locked":
            width_px, height_px = facts["size_px"]
            exposure = exposure_of(facts["exposure"])
            return replace(state, exposure=exposure, size_px=(width_px, height_px))
        case "stack_paused":
            return replace(
                state,
                phase=Phase.PAUSED,
                reason=facts.get("reason"),
                ended_at=entry.at,
                lacked_room=bool(facts.get("lacked_room")),
            )
        case "stack_done":
            return replace(state, phase=Phase.DONE, reason=None, ended_at=entry.at)
        case "stack_aborted":
            return replace(state, phase=Phase.ABORTED, reason=facts.get("reason"), ended_at=entry.at)
        case "stack_failed":
            return replace(state, phase=Phase.FAILED, reason=facts.get("error"), ended_at=entry.at)
        case "merge_started":
            return replace(state, merges=(*state.merges, MergeState()))
        case "merge_done":
            done = MergeState(
                tuple(facts["files"]),
                facts["slices"],
                facts["seconds"],
                ended=True,
                sha256=facts.get("sha256", {}),
            )
            return replace(state, merges=(*state.merges[:-1], done), delivered={})
        case "merge_failed":
            return replace(state, merges=(*state.merges[:-1], MergeState(error=facts["error"], ended=True)))
        case "slices_let_go":
            return replace(state, let_go=facts["why"])
        case "delivered":
            made = state.pictures_made
            if facts.get("pictures_made", made) != made:  # one was made as that line was about to be written
                return state
            return replace(state, delivered={**state.delivered, facts["to"]: entry.at})
        case _:  # a later version's word, or one that changes nothing
            return state


def _farther(a_u: float | None, b_u: float | None) -> float | None:
    """Give the larger of two distances, whichever way they go."""
    return max((one for one in (a_u, b_u) if one is not None), key=abs, default=None)


def _saved_slice(entry: Entry) -> SavedSlice:
    facts: Mapping[str, Any] = entry.facts
    return SavedSlice(
        index=facts["index"],
        file=facts["file"],
        sha256=facts["sha256"],
        bytes=facts["bytes"],
        position_steps=facts["position_steps"],
        position_u=facts["position_u"],
        exposure=exposure_of(facts["exposure"]),
        began_ns=facts["began_ns"],
        saved_at=entry.at,
        companions=tuple(SavedFile(**kept) for kept in facts.get("companions", ())),
        vitals=vitals_of(facts.get("vitals", {})),
        sensor_c=sensor_c(facts.get("metadata", {})),
    )
