"""What the daemon's clients are told of a session's merges."""

import io
from datetime import datetime
from pathlib import Path

import pytest
from stack_rig import MICRON, PLAN

from focusd.screens import status_screen
from focusd.session_screens import session_screen, session_words
from focusd.terminal import Terminal
from focusd.views import session_view
from rail.axis import Position, Trust
from stack.layout import lay_out
from stack.plan import Marks
from stack.session import Facts, Session
from stack.session_state import MergeState, Phase, SessionState
from stack.sessions import Sessions

DONE, GIVEN_UP = MergeState(ended=True), MergeState(error="the stack is paused", ended=True)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    layout = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
    return Sessions(tmp_path).create(PLAN, layout, MICRON, Facts())


@pytest.mark.parametrize(
    ("phase", "merges", "word"),
    [
        (Phase.DONE, (DONE,), "done"),
        (Phase.DONE, (DONE, GIVEN_UP), "failed"),
        (Phase.ABORTED, (), "none"),
        (Phase.ABORTED, (GIVEN_UP,), "none"),
        (Phase.ABORTED, (GIVEN_UP, DONE), "done"),
        (Phase.PAUSED, (DONE, GIVEN_UP), "done"),
    ],
)
def test_what_was_merged_of_a_stack_that_lacks_slices_is_told_and_what_was_given_up_is_no_failure(
    session: Session, phase: Phase, merges: tuple[MergeState, ...], word: str
) -> None:
    view = session_view(session, SessionState(phase, 5, merges=merges), running=None, merge=None)
    assert view["merge"] == word
    assert session_words(view).endswith({"done": ", merged", "failed": ", merge failed"}.get(word, " slices"))


def test_which_merge_is_chosen_is_told_and_of_how_many(session: Session) -> None:
    def shown() -> tuple[object, object, str]:
        view = session_view(session, SessionState(Phase.DONE, 5, merges=(DONE,)), running=None, merge=None)
        lines = session_screen(view, Terminal(io.StringIO(), {}))
        return view["merges"], view["merge_chosen"], next(line for line in lines if line.startswith("merge"))

    assert shown() == ([], None, "merge      done")
    for number in (1, 2, 10):
        folder = session.path / "merges" / str(number)
        folder.mkdir(parents=True)
        (folder / "merged.jpg").touch()
    (session.path / "merged.jpg").symlink_to("merges/2/merged.jpg")
    merges, chosen, words = shown()
    assert (merges, chosen) == ([1, 2, 10], 2)
    assert words == "merge      done; 2 is chosen of 1, 2, 10 (another: focusctl merge --choose 1 N)"


def test_moments_of_a_stack_are_written_for_people(session: Session) -> None:
    at = "2026-11-30T17:09:10.205345+00:00"
    state = SessionState(Phase.DONE, 5, began_at=at, delivered={"/media/stick": at})
    view = session_view(session, state, running=None, merge=None)
    lines = list(session_screen(view, Terminal(io.StringIO(), {})))
    assert "began      2026-11-30 17:09:10 UTC" in lines
    assert "delivered  to /media/stick, 2026-11-30 17:09:10 UTC" in lines


def test_the_day_of_the_next_stack_is_told_too() -> None:
    """In a series by daylight, or of a stack a day, it is not today."""
    at = datetime(2026, 12, 2, 6).astimezone().isoformat()
    series = {"series": "0001-moss", "phase": "running", "done": 3, "count": 9, "next_at": at}
    lines = list(status_screen({"timelapse": series}, Terminal(io.StringIO(), {})))
    assert "series     0001-moss, running, 3 of 9 done; next at 2026-12-02 06:00:00" in lines


def test_how_many_merges_are_behind_is_told():
    """In a series whose merges take longer than its interval there are more each day."""
    merge = {"session": "0042-moss", "merged": 3, "saved": 9, "seconds_left": 12.0, "waiting": 17}
    lines = list(status_screen({"merge": merge}, Terminal(io.StringIO(), {})))
    assert "merge      0042-moss: 3 of 9, 0:12 left; 17 more to come" in lines


def test_what_was_taken_out_of_the_slices_is_shown(tmp_path: Path) -> None:
    layout = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
    facts = Facts(camera={"shading": {"white_field": True, "hot_pixels": 12}})
    corrected = Sessions(tmp_path).create(PLAN, layout, MICRON, facts)
    view = session_view(corrected, SessionState(Phase.DONE, 5), running=None, merge=None)
    assert "taken out  shading and dust, 12 hot pixels" in list(
        session_screen(view, Terminal(io.StringIO(), {}))
    )
