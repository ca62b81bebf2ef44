"""A time-lapse under a real daemon: killed in mid-stack, taken up by the next, shown by the shell."""

import json
import signal
from pathlib import Path

from daemon_process import await_death, daemon
from shell import done

PLAN = "plans.default={range: {near_u: 1200, far_u: 1800}, spacing: {count: 4}, optics: macro-2x}"
SLOW = "plans.default.settle_ms=400"


def shell(focusd, *words):
    return done(focusd.socket, *words)


def test_a_series_survives_its_daemon_and_ends_with_as_many_stacks_as_asked(tmp_path):
    with daemon(tmp_path, PLAN, SLOW) as focusd:
        started = shell(focusd, "timelapse", "start", "--every", "10m", "--count", "1", "--name", "moss")
        assert started.returncode == 0, started.stderr
        assert "0001-moss, running" in started.stdout
        assert focusd.call("POST", "/timelapse", every_s=60)[0] == 409
        assert focusd.ask("/status")["timelapse"]["series"] == "0001-moss"
        assert "0001-moss, running, 0 of 1 done" in shell(focusd, "status").stdout
        focusd.wait_for("slice_saved")
        children = focusd.children()
        focusd.end(signal.SIGKILL)
        await_death(children)
    with daemon(tmp_path, PLAN, SLOW) as focusd:
        assert focusd.wait_for("series_taken_up")["series"] == "0001-moss"
        done = focusd.wait_for("slot_done")
        assert done["slot"] == 0
        assert focusd.ask(f"/sessions/{done['session']}")["saved"] == 4
        focusd.wait_for("series_done")
        listed = json.loads(shell(focusd, "timelapse", "list", "--json").stdout)["series"]
        assert [(one["phase"], one["done"], one["failed"]) for one in listed] == [("done", 1, 0)]
        assert focusd.call("GET", "/timelapse")[0] == 409
        status = shell(focusd, "timelapse", "status")
        assert (status.returncode, status.stderr) == (0, "")
        seen = status.stdout.splitlines()
        assert seen[0] == "series     0001-moss, done"
        assert "stacks     1 of 1 done, 0 failed, 0 left out" in seen
        assert "film       make it: focusctl timelapse film 1" in seen
        assert shell(focusd, "timelapse", "report", "1").returncode == 0
        page = json.loads(shell(focusd, "timelapse", "status", "--json").stdout)["files"]["report"]
        assert f"report     {page}" in shell(focusd, "timelapse", "status").stdout.splitlines()
        assert Path(page).is_file()


def test_what_a_series_needs_a_person_for_is_told_on_every_face(tmp_path):
    series = "timelapse.series={name: moss, every_s: 3600}"
    without_a_wire = ("axis.pins.e_stop=22", "simulation.miswired=[e-stop-off]")
    with daemon(tmp_path, PLAN, *without_a_wire, series, "timelapse.clock_wait_s=0") as focusd:
        reason = focusd.wait_for("slot_failed")["reason"]
        assert "emergency stop" in reason
        assert focusd.ask("/timelapse")["attention"] == reason
        assert focusd.ask("/status")["timelapse"]["attention"] == reason
        assert reason in shell(focusd, "status").stdout
        told = {one["thing"]: one["words"] for one in focusd.ask("/doctor")["verdicts"]}
        assert told["time-lapse"] == reason


def test_too_often_and_nonsense_are_refused_with_words(tmp_path):
    with daemon(tmp_path, PLAN, SLOW) as focusd:
        none = shell(focusd, "timelapse", "status")
        assert (none.returncode, none.stdout.split(":")[0]) == (0, "no series yet")
        assert json.loads(shell(focusd, "timelapse", "status", "--json").stdout) == {"series": None}
        often = shell(focusd, "timelapse", "start", "--every", "2s")
        assert often.returncode == 3 and "a stack takes about" in often.stderr
        assert shell(focusd, "timelapse", "start").returncode == 2
        assert shell(focusd, "timelapse", "start", "--every", "1h", "--window", "6").returncode == 2
        past = shell(focusd, "timelapse", "start", "--every", "1h", "--until", "2001-01-01T00:00")
        assert "is not after the start" in past.stderr
        window = shell(focusd, "timelapse", "start", "--every", "1h", "--window", "22:00-06:00")
        assert "every 1:00:00, from 22:00 to 06:00" in window.stdout, window.stderr
        assert shell(focusd, "timelapse", "abort").returncode == 0
        assert "aborted (asked to abort)" in shell(focusd, "timelapse", "status").stdout
        assert focusd.call("GET", "/timelapse")[0] == 409
