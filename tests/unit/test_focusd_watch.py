"""The fold of a stack's events, and the line that shows it."""

import io
import os
import pty
import select

import pytest

from focusd.exits import Exit
from focusd.progress_line import LiveLine, PlainLines, progress_line
from focusd.terminal import Terminal, shortened
from focusd.watch import Progress, after, as_stands, current_stack

BEGUN = Progress("s", job=7, slices=3)


def told(*events, progress=BEGUN):
    for name, facts in events:
        progress = after(progress, {"event": name, "session": "s", **facts})
    return progress


SAVED = ("slice_saved", {"index": 0, "position_u": 20_000.0})
DONE = [SAVED, SAVED, SAVED, ("stack_done", {"slices": 3})]


def test_a_stack_is_over_when_the_rig_rests_and_the_picture_is_there():
    merged, parked = ("merge_done", {"slices": 3}), ("job_ended", {"job": 7, "ending": "done"})
    merging = ("merge_started", {})
    assert [
        told(merging, *DONE, *rest).over
        for rest in ([], [merged], [parked], [merged, parked], [parked, merged])
    ] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_the_picture_of_an_unfinished_stack_is_not_waited_for():
    paused = told(
        ("merge_started", {}),
        SAVED,
        ("stack_paused", {"reason": "asked to stop"}),
        ("job_ended", {"job": 7, "ending": "paused"}),
    )
    assert (paused.over, paused.outcome, paused.reason, paused.saved) == (
        True,
        Exit.INTERRUPTED,
        "asked to stop",
        1,
    )


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        ({"ending": "done"}, Exit.DONE),
        ({"ending": "stopped"}, Exit.INTERRUPTED),
        ({"ending": "refused"}, Exit.REFUSED),
        ({"ending": "failed"}, Exit.FAILED),
        ({}, Exit.FAILED),
        ({"ending": "paused", "exit_code": 3}, Exit.REFUSED),
        ({"ending": "failed", "exit_code": 77}, Exit.FAILED),
    ],
)
def test_the_exit_code_follows_from_how_it_ended(ended, outcome):
    assert told(("job_ended", {"job": 7, **ended})).outcome is outcome


def test_a_complete_stack_without_its_picture_has_failed():
    failed = told(
        *DONE, ("job_ended", {"job": 7, "ending": "done"}), ("merge_failed", {"error": "no memory"})
    )
    assert (failed.over, failed.outcome, failed.reason) == (True, Exit.FAILED, "no memory")


def test_another_stack_changes_nothing():
    assert after(BEGUN, {"event": "slice_saved", "session": "other", "position_u": 1.0}) == BEGUN
    assert after(BEGUN, {"event": "merge_failed", "session": "other", "error": "x"}) == BEGUN
    assert after(BEGUN, {"event": "job_ended", "job": 6, "ending": "failed"}) == BEGUN


def test_a_slice_shot_again_is_not_counted_beyond_the_plan():
    assert told(SAVED, SAVED, SAVED, SAVED).saved == 3


def test_how_things_stand_replaces_what_was_missed():
    session = {"phase": "shooting", "slices": 3, "saved": 2, "merge": "running"}
    running = as_stands(BEGUN, {"job": {"job": 7, "session": "s"}}, session)
    gone = as_stands(BEGUN, {"job": None}, session)
    other = as_stands(BEGUN, {"job": {"job": 8, "session": "t"}}, {**session, "phase": "done"})
    assert (running.over, running.saved) == (False, 2)
    assert (gone.over, gone.outcome) == (True, Exit.FAILED)
    assert (other.over, other.shot) == (False, "done")


def test_the_line_says_what_matters_most_first():
    progress = told(
        ("merge_started", {}),
        SAVED,
        (
            "progress",
            {"phase": "moving", "index": 1, "slices": 3, "position_u": 20_134.4, "seconds_left": 35.2},
        ),
    )
    assert progress_line(progress) == "1/3 saved  moving  20.1344 mm  0:35 left  merge 1 behind"
    shot = told(*DONE, ("merge_progress", {"merged": 2}), ("job_ended", {"job": 7, "ending": "done"}))
    assert progress_line(shot) == "3 slices saved  merge 1 behind"
    slow = told(*DONE, ("merge_progress", {"merged": 1, "seconds_left": 25.0}))
    assert progress_line(slow).endswith("merge 2 behind, 0:25")


def test_a_rehearsal_counts_places_for_it_saves_nothing():
    progress = Progress(None, job=7, slices=3)
    moved = after(progress, {"event": "progress", "phase": "moving", "index": 1, "slices": 3})
    assert progress_line(moved) == "rehearsal 2/3  moving"
    assert progress_line(after(moved, {"event": "job_ended", "job": 7, "ending": "done"})) == "rehearsal 2/3"


@pytest.mark.parametrize(
    ("columns", "seen"), [(80, "slice 12/48"), (11, "slice 12/48"), (8, "slice 1…"), (1, "…"), (0, "")]
)
def test_a_narrow_terminal_shows_the_beginning(columns, seen):
    assert shortened("slice 12/48", columns) == seen


def test_a_file_gets_a_line_for_each_piece_of_news():
    stream = io.StringIO()
    lines, progress = PlainLines(Terminal(stream, {})), BEGUN
    events = [
        ("stack_started", {"slices": 3}),
        ("progress", {"phase": "moving", "position_u": 1.0, "seconds_left": 9}),
        ("progress", {"phase": "shooting", "position_u": 1.0, "seconds_left": 8}),
        SAVED,
        ("slice_retaken", {"index": 1, "why": "blurred"}),
    ]
    for event in events:
        progress = told(event, progress=progress)
        lines.show({"event": event[0], "session": "s", **event[1]}, progress)
    assert stream.getvalue().splitlines() == [
        "0/3 saved",
        "1/3 saved  shooting  1 µm  0:08 left",
        "slice 1 is taken again: blurred",
    ]


@pytest.fixture
def screen():
    """A terminal of 30 columns and what appears on it."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream, os.fdopen(master, "rb", buffering=0) as seen:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))

        def shown():
            stream.flush()
            parts = []
            while select.select([seen], [], [], 0.1)[0]:  # a terminal hands on what was written in pieces
                parts.append(seen.read(4096))
            return b"".join(parts).decode()

        yield stream, shown


def test_a_terminal_gets_one_line_drawn_over(screen):
    stream, seen = screen
    line = LiveLine(Terminal(stream, {}))
    progress = told(SAVED, ("progress", {"phase": "shooting", "position_u": 20_134.4, "seconds_left": 35.2}))
    line.show({"event": "progress", "session": "s"}, progress)
    line.end()
    assert seen() == "\r\x1b[K1/3 saved  shooting  20.1344…\r\x1b[K"


def test_what_should_not_be_missed_is_shown_whole_however_narrow_the_terminal(screen):
    stream, seen = screen
    why = "the disk is full: 498 MB are free, and 500 MB are kept free"
    LiveLine(Terminal(stream, {})).show({"event": "rest_began", "session": "s", "reason": why}, told(SAVED))
    assert f"resting: {why}\r\n" in seen()


@pytest.mark.parametrize(
    ("environment", "styled"),
    [
        ({}, "\x1b[1mx\x1b[0m"),
        ({"NO_COLOR": "1"}, "x"),
        ({"TERM": "dumb"}, "x"),
        ({"NO_COLOR": ""}, "\x1b[1mx\x1b[0m"),
    ],
)
def test_colours_are_for_terminals_that_want_them(screen, environment, styled):
    assert Terminal(screen[0], environment).strong("x") == styled


def test_a_pipe_gets_no_colours():
    assert Terminal(io.StringIO(), {}).alarm("x") == "x"


class Said:
    """A daemon that has said how things stand."""

    def __init__(self, job, merge):
        self.status = {"seq": 9, "job": job, "merge": merge}

    def session(self, session):
        return {"session": session, "phase": "shooting", "slices": 5, "saved": 1, "merge": "running"}


@pytest.mark.parametrize(
    ("job", "merge", "found"),
    [
        ({"job": 2, "kind": "shoot", "session": "new"}, {"session": "old"}, ("new", 2)),
        ({"job": 2, "kind": "shoot", "session": None}, {"session": "old"}, None),  # it has only just begun
        ({"job": 2, "kind": "jog", "session": None}, {"session": "old"}, ("old", None)),
        (None, {"session": "old"}, ("old", None)),
        (None, None, None),
    ],
)
def test_the_stack_of_now_is_the_one_being_shot_then_the_one_being_merged(job, merge, found):
    said = Said(job, merge)
    progress = current_stack(said, said.status)
    assert (progress and (progress.session, progress.job)) == found


def test_while_no_stack_has_begun_what_came_to_nothing_is_told_and_no_rehearsal():
    stream = io.StringIO()
    refused = {"event": "refused", "reason": "the way is not free"}
    PlainLines(Terminal(stream, {})).show(refused, Progress(None))
    assert stream.getvalue() == "refused: the way is not free\n"
    assert progress_line(Progress(None, job=7, place=2, slices=3)) == "rehearsal 2/3"
