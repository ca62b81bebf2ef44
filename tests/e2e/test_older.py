"""What an earlier version left in `tests/older`: its settings, and a session stopped half-way."""

import shutil
from pathlib import Path

import pytest
from daemon_process import INSECT, daemon

from camera.lock import same_exposure
from focusd.config import load_config
from stack.errors import StackError
from stack.seal import sealed, unsealed
from stack.session_state import Phase
from stack.sessions import Sessions

OLDER = Path(__file__).parent.parent / "older"
SESSION = "0002-2026-11-26T13-24-13Z-paused"


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    root = tmp_path / "state" / "sessions"
    shutil.copytree(OLDER / SESSION, root / SESSION)
    return Sessions(root)


def rewrite(sessions: Sessions, **facts: object) -> None:
    """Have the session say something else of itself."""
    path = sessions.root / SESSION / "session.json"
    content = {name: value for name, value in unsealed(path.read_bytes()).items() if name != "crc32"}
    path.write_bytes(sealed({**content, **facts}))


def test_settings_of_an_earlier_version_are_read() -> None:
    config = load_config(OLDER / "config.yaml")
    assert config.axis.screw.lead_mm == 2.0
    assert config.plans["default"].needs == "known"


@pytest.mark.parametrize("plans", ["", "plans: {default: {optics: macro-2x}, other: {optics: macro-2x}}\n"])
def test_a_setting_that_moved_since_is_found_where_it_is_now(tmp_path: Path, plans: str) -> None:
    earlier = tmp_path / "config.yaml"
    earlier.write_text(f"axis: {{assumed_is_enough: true}}\n{plans}")
    found = load_config(earlier).plans
    assert {plan.needs for plan in found.values()} == {"assumed"}
    assert len(found) == (2 if plans else 1)


def test_a_session_of_an_earlier_version_is_read(sessions: Sessions) -> None:
    session = sessions.open(SESSION)
    state = session.state()
    assert (state.phase, sorted(state.saved), state.resumable) == (Phase.PAUSED, [0, 1], True)
    assert [session.flaw(saved) for saved in state.saved.values()] == [None, None]


def test_a_session_of_an_earlier_version_is_gone_on_with(sessions: Sessions, tmp_path: Path) -> None:
    with daemon(tmp_path, INSECT, "simulation.size_px=[160, 120]") as focusd:
        focusd.tell("/home")
        focusd.tell("/resume", session=SESSION)
        assert focusd.wait_for("merge_done")["slices"] == 4
    state = sessions.open(SESSION).state()
    assert (state.phase, len(state.saved)) == (Phase.DONE, 4)
    locked, *others = (saved.exposure for saved in state.saved.values())
    assert all(same_exposure(locked, other) for other in others)


def test_a_session_of_the_real_rig_is_merged_on_a_simulated_one_and_not_gone_on_with(
    sessions: Sessions, tmp_path: Path
) -> None:
    rewrite(sessions, simulated=False)
    with daemon(tmp_path, "simulation.size_px=[160, 120]", "resume=auto") as focusd:
        assert focusd.wait_for("stack_interrupted")["goes_on"] is False
        focusd.tell("/home")
        for asked in ({}, {"session": SESSION}):
            status, answer = focusd.call("POST", "/resume", **asked)
            assert (status, "begun on the real rig" in answer["detail"]) == (409, True)
        focusd.tell("/merge", session=SESSION)
        assert focusd.wait_for("merge_done")["slices"] == 2
        focusd.tell("/shoot", near_u=1200, far_u=1300, count=2)
        focusd.wait_for("stack_done")
    assert sessions.all()[-1].facts.simulated is True
    assert sessions.open(SESSION).state().phase is Phase.PAUSED


def test_a_session_of_a_later_version_is_refused_with_words(sessions: Sessions) -> None:
    rewrite(sessions, schema=999)
    with pytest.raises(StackError, match="schema 999"):
        sessions.open(SESSION)
