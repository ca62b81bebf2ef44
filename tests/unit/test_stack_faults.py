"""What went wrong on the way, read back from a journal: in order, and with the clock's own steps found."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stack_rig import PLAN, Rig

from stack.ending import EndingKind
from stack.faults import clock_step_s, faults
from stack.journal import Entry, Journal
from stack.report import report

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def line(seq: int, after_s: float, event: str = "slice_saved", set_s: float = 0.0, **facts: object) -> Entry:
    """A line written so long after the first, when the clock had been set forward by so much."""
    at = (NOON + timedelta(seconds=after_s + set_s)).isoformat()
    return Entry(seq, at, round((100 + after_s) * 1e9), event, facts)


def test_a_stack_without_faults_has_none(tmp_path: object) -> None:
    assert (
        faults([line(1, 0, "stack_started"), line(2, 2), line(3, 7_200), line(4, 7_201, "stack_done")]) == ()
    )


def test_faults_are_told_in_order_with_their_slices() -> None:
    told = faults(
        [
            line(1, 0, "stack_started"),
            line(2, 1, "slice_retaken", index=7, why="its checksum differs"),
            line(3, 2, "stack_failed", error="No frame came. Mend the cable."),
            line(4, 9, "stack_resumed"),
            line(5, 10, "stack_paused", reason="button"),
            line(6, 11, "merge_failed", error="the stack is paused", given_up=True),
            line(7, 60, "merge_failed", error="memory ran out"),
        ]
    )
    assert [(one.words, one.index) for one in told] == [
        ("Slice 7 was shot again: its checksum differs.", 7),
        ("Shooting failed: No frame came. Mend the cable.", None),
        ("Paused: button.", None),
        ("The merge was given up: the stack is paused.", None),
        ("A merge failed: memory ran out.", None),
    ]


def test_frames_that_were_taken_again_are_told_with_the_reason() -> None:
    drifted = "A frame differs from the lock: ExposureTime is 900 instead of 1000 ± 2."
    once, twice = ({"retakes": [drifted] * times} for times in (1, 2))
    told = faults(
        [
            line(1, 0, index=4, metadata={"retakes": []}),
            line(2, 1, index=5, metadata=once),
            line(3, 2, index=6, metadata=twice, vitals={"under_voltage": True}),
        ]
    )
    assert [one.index for one in told] == [5, 6, 6]
    assert told[0].words == f"Slice 5: a frame was taken again. {drifted}"
    assert told[1].words.startswith("Slice 6: 2 frames were taken again.")


@pytest.mark.parametrize(
    ("set_s", "words"),
    [
        (3 * 86_400, "The clock of the Pi was set forward by 3 days"),
        (-90 * 60, "The clock of the Pi was set back by 90 minutes"),
        (-2.5, "The clock of the Pi was set back by 2.5 s"),
    ],
)
def test_a_clock_that_is_set_in_mid_stack_is_told_once(set_s: float, words: str) -> None:
    told = faults([line(1, 0), line(2, 2), line(3, 4, set_s=set_s), line(4, 6, set_s=set_s)])
    assert len(told) == 1
    assert told[0].words.startswith(words)


def test_a_slow_drift_or_a_restart_is_no_step_of_the_clock() -> None:
    assert clock_step_s(line(1, 0), line(2, 3600, set_s=0.5)) == 0
    booted = Entry(2, (NOON + timedelta(days=1)).isoformat(), 5_000_000_000, "stack_resumed", {})
    assert clock_step_s(line(1, 0), booted) == 0


@pytest.mark.parametrize("step_s", [86_400, -86_400])
def test_durations_and_order_stand_when_the_clock_is_set_in_mid_stack(tmp_path: Path, step_s: int) -> None:
    """NTP sets the clock of the system a day forward or back after the third slice."""
    rig = Rig(tmp_path)
    session = rig.session(PLAN)

    def now() -> datetime:
        set_s = step_s if rig.events().count("slice_saved") >= 3 else 0
        return NOON + timedelta(seconds=rig.clock.monotonic_ns() / 1e9 + set_s)

    with Journal(session.journal_path, rig.clock, now) as journal:
        ending = rig.shooter.shoot(session, journal, rig.stop, rig.observe)
    assert ending.kind is EndingKind.DONE
    told = faults(session.entries())
    assert [one.words.split(" by ")[0] for one in told] == [
        f"The clock of the Pi was set {'forward' if step_s > 0 else 'back'}"
    ]
    rows = report(session, session.state())["slices"]
    seconds = [row["seconds"] for row in rows]
    assert [row["index"] for row in rows] == list(range(6))
    assert seconds == sorted(seconds)
    assert seconds[-1] < 10
