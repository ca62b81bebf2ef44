"""The doctor at a rig whose daemon runs, and at the shell."""

import os
import subprocess
import sys

import pytest
from daemon_process import daemon


@pytest.fixture(scope="module")
def focusd(tmp_path_factory):
    with daemon(tmp_path_factory.mktemp("d")) as running:
        running.tell("/home", allow=True)
        yield running


def test_a_daemon_tells_of_a_wire_that_came_off_and_of_nothing_else(focusd):
    assert bad_things(focusd) == []
    focusd.tell("/sim/fault", name="limit_far_open")
    deadline = range(200)
    bad = next(found for _ in deadline if (found := bad_things(focusd)))
    assert bad == ["limits"]
    focusd.tell("/sim/fault", name="limit_far_open", on=False)
    assert next(well for _ in deadline if (well := not bad_things(focusd)))


def bad_things(focusd):
    return [v["thing"] for v in focusd.ask("/doctor")["verdicts"] if v["health"] == "bad"]


def test_the_shell_shows_it_and_ends_with_what_was_found(focusd):
    environment = {**os.environ, "FOCUSRAIL_SOCKET": str(focusd.socket)}
    command = [sys.executable, "-m", "focusd.cli", "doctor"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.startswith("ok   daemon")
    assert "near open, far open" in shown.stdout
