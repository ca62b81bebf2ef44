"""A session merged anew, by the daemon alone, with the real merge."""

import json
import os
import signal
import subprocess
from pathlib import Path

from daemon_process import await_death, daemon
from shell import done

from stack.session_state import Phase
from stack.sessions import Sessions


def test_a_session_is_merged_again_with_other_settings_and_its_versions_compared(tmp_path: Path) -> None:
    def focusctl(*words: str) -> subprocess.CompletedProcess[str]:
        return done(focusd.socket, "merge", *words)

    with daemon(tmp_path, "plans.default={optics: macro-2x, settle_ms: 20}") as focusd:
        focusd.home_and_mark()
        begun = focusd.tell("/shoot", count=5)
        focusd.wait_for("merge_done")
        session = Sessions(focusd.state / "sessions").open(begun["session"])
        again = focusctl(begun["session"], "--method", "pyramid", "--exclude", "0", "--um-per-slice", "33")
        assert again.returncode == 0, again.stderr
        assert "is merge 2, from 4 slices" in again.stdout
        facts = json.loads((session.path / "merges/2/merge.json").read_text())
        assert (facts["settings"]["method"], facts["depth"]["um_per_slice"]) == ("pyramid", 33.0)
        assert (session.path / "merged.jpg").resolve().parent.name == "2"
        state = session.state()
        assert [merge.ended for merge in state.merges] == [True, True]
        assert (state.phase, state.damage) == (Phase.DONE, ())
        sheet = tmp_path / "sheet.png"
        assert focusctl("--compare", begun["session"], "1", "2", "-o", str(sheet)).returncode == 0
        assert sheet.stat().st_size > 1000
        assert focusctl(begun["session"], "--slices", "0").returncode == 3
        assert focusctl("9999").returncode == 3


def test_a_merge_cut_short_with_the_daemon_is_done_when_it_starts_again(tmp_path: Path) -> None:
    with daemon(tmp_path) as focusd:
        focusd.home_and_mark()
        begun = focusd.tell("/shoot", count=6)
        focusd.wait_for("merge_progress")
        (merging,) = focusd.children("stack.merge")
        os.kill(merging, signal.SIGSTOP)
        focusd.wait_for("stack_done")
        focusd.end(signal.SIGKILL)
        os.kill(merging, signal.SIGCONT)
        await_death([merging])
    session = Sessions(focusd.state / "sessions").open(begun["session"])
    assert not any(merge.ended for merge in session.state().merges)
    with daemon(tmp_path) as focusd:
        assert focusd.wait_for("merge_done")["slices"] == 6
    assert (session.path / "merged.jpg").is_file()
