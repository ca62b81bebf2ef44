"""focusctl and focusd together, as two people at two ends of a socket would use them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from daemon_process import daemon
from shell import done

PATIENCE_S = 60


class Shell:
    """A person's shell, with a daemon at the other end of the socket."""

    def __init__(self, socket):
        self.socket = socket
        self.environment = {**os.environ, "FOCUSRAIL_SOCKET": str(socket)}

    def start(self, line):
        return subprocess.Popen(
            [sys.executable, "-m", "focusd.cli", *line.split()],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, line):
        return done(self.socket, *line.split())

    def told(self, line):
        """Give the JSON that a command which must succeed writes."""
        told = self.run(f"--json {line}")
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with daemon(tmp_path_factory.mktemp("d")) as running:
        shell = Shell(running.socket)
        shell.told("home --allow")
        yield shell


def test_a_jog_goes_where_it_says_both_ways(shell):
    there = shell.told("goto 2mm")
    nearer = shell.told("jog -250um")
    back = shell.told("jog -- 0.25mm")
    assert [place["position_u"] for place in (there, nearer, back)] == [2000.0, 1750.0, 2000.0]
    assert {place["trust"] for place in (there, nearer, back)} == {"known"}


@pytest.mark.parametrize(
    "line", ["goto 41mm", "shoot --near 39mm --far 41mm --count 3", "plan --pitch 0.1um --length 1mm"]
)
def test_what_cannot_be_is_refused_before_anything_moves(shell, line):
    before = shell.told("status")["axis"]["position_steps"]
    refused = shell.run(line)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.startswith("focusctl: ")
    assert shell.told("status")["axis"]["position_steps"] == before


def test_contradictions_that_only_the_daemon_sees_are_said_in_words(shell):
    refused = shell.run("plan --around 1mm --stops 1")
    assert refused.returncode == 3
    assert "this exposure is given" in refused.stderr


def test_marks_carry_a_plan(shell):
    shell.told("mark near 1.5mm")
    shell.told("mark far 1.9mm")
    planned = shell.run("plan --count 5")
    assert planned.returncode == 0, planned.stderr
    assert "from       1.5 mm to 1.9 mm" in planned.stdout.splitlines()
    shell.told("mark clear")
    assert shell.run("plan").returncode == 3


def test_marks_that_change_places_or_are_forgotten_are_said_to(shell):
    shell.told("goto 1.5mm")
    shell.told("mark far 1.6mm")
    assert "changed places" not in shell.run("mark near 1.4mm").stdout
    marked = shell.run("mark near 1.9mm")
    assert marked.stdout.splitlines()[0] == "marks: near 1.6 mm, far 1.9 mm"
    assert "so they changed places" in marked.stdout and "focusctl mark clear" in marked.stdout
    assert "forgotten" not in shell.run("zero 1.5mm").stdout
    declared = shell.run("zero 1.4mm")
    assert declared.stdout.splitlines()[1:] == [
        "marks: forgotten: positions count from another reference now: mark again"
    ]
    assert shell.told("home")["marks_lapsed"] is None


def test_a_stack_is_followed_to_its_picture(shell):
    stack = shell.run("shoot --near 1.2mm --far 1.8mm --count 6 --wait --json")
    assert stack.returncode == 0, stack.stderr
    events = [json.loads(line) for line in stack.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(events[0]["seq"], events[0]["seq"] + len(events)))
    assert [event["index"] for event in events if event["event"] == "slice_saved"] == [0, 1, 2, 3, 4, 5]
    assert {"merge_done", "job_ended"} <= {event["event"] for event in events}
    assert events[-1]["event"] in ("merge_done", "job_ended")
    session = shell.told("sessions show")
    assert (session["phase"], session["merge"], session["saved"]) == ("done", "done", 6)
    assert all(Path(path).exists() for path in session["files"].values())


def test_plain_lines_end_with_where_the_picture_is(shell):
    shell.told("goto 1.5mm")
    stack = shell.run("shoot --around 0.4mm --count 3 --name beetle --wait")
    assert stack.returncode == 0, stack.stderr
    named = [
        line.split(maxsplit=1)[1] for line in stack.stdout.replace("depth map", "depth").splitlines()[-3:]
    ]
    assert all(Path(path).exists() for path in named)
    assert [Path(path).name for path in named[:2]] == ["merged.jpg", "depth.png"]
    assert named[2].endswith("-beetle")


def test_one_job_at_a_time_and_a_stop_that_can_be_resumed(shell):
    shell.told("sim fault pi_hot")  # so that it rests until it is stopped
    stack = shell.start("shoot --near 1.2mm --far 1.8mm --count 4 --wait --json")
    rest = next(event for event in map(json.loads, stack.stdout) if event["event"] == "rest_began")
    busy = shell.run("jog 1mm")
    assert busy.returncode == 4 and "shoot" in busy.stderr
    assert shell.told("stop") == {"stopped": "shoot"}
    _, err = stack.communicate(timeout=PATIENCE_S)
    assert stack.returncode == 130
    assert f"focusctl resume {rest['session']} --wait" in json.loads(err)["detail"]
    shell.told("sim fault pi_hot --off")
    resumed = shell.run("resume --wait")
    assert resumed.returncode == 0, resumed.stderr
    assert shell.told("sessions show")["saved"] == 4


def test_detaching_leaves_the_stack_to_itself(shell):
    stack = shell.start("shoot --near 1.2mm --far 1.8mm --count 8 --wait --json")
    assert any(json.loads(line)["event"] == "slice_saved" for line in stack.stdout)
    shell.told("sim fault pi_hot")  # so that it is still under way when it is watched again
    stack.send_signal(signal.SIGINT)
    _, err = stack.communicate(timeout=PATIENCE_S)
    assert stack.returncode == 130 and "focusctl watch" in err
    watching = shell.start("watch")
    assert watching.stdout.readline()
    shell.told("sim fault pi_hot --off")
    _, err = watching.communicate(timeout=PATIENCE_S)
    assert watching.returncode == 0, err
    assert shell.told("sessions show")["saved"] == 8


def test_an_interrupted_motion_stops_on_the_way(shell):
    shell.told("goto 1mm")
    motion = shell.start("goto 30mm")
    while shell.told("status")["axis"]["position_u"] < 1100:
        pass
    motion.send_signal(signal.SIGINT)
    motion.communicate(timeout=PATIENCE_S)
    axis = shell.told("status")["axis"]
    assert (motion.returncode, axis["moving"], axis["trust"]) == (130, False, "known")
    assert axis["position_u"] < 30_000


def test_the_simulated_world_is_within_reach(shell):
    assert "position_um" in shell.told("sim state")
    assert shell.run("sim fault no-such-thing").returncode == 3


def test_a_specimen_is_recorded_handed_out_noticed_when_it_comes_again_and_thrown_away(shell, tmp_path):
    shell.told("goto 1.5mm")
    specimen = "--catalogue BM-1042 --view dorsal --field sex=female"
    first = shell.run(f"shoot --around 0.2mm --count 2 {specimen} --wait")
    assert first.returncode == 0, first.stderr
    session = shell.told("sessions show")
    assert session["fields"] == {"catalogue": "BM-1042", "view": "dorsal", "sex": "female"}
    assert shell.told(f"plan --around 0.2mm --count 2 {specimen}")["same_specimen"] == [session["session"]]
    assert session["session"] in shell.run(f"plan --around 0.2mm --count 2 {specimen}").stdout
    number = session["session"][:4]

    out = shell.told(f"sessions export {number} {tmp_path} --template {{catalogue}}-{{view}} --slices")
    assert {"BM-1042-dorsal.jpg", "BM-1042-dorsal.xmp", "BM-1042-dorsal-slices/0001.jpg"} <= {
        one["name"] for one in out["files"]
    }
    assert (tmp_path / "BM-1042-dorsal.jpg").read_bytes() == Path(session["files"]["merged"]).read_bytes()
    wrong = shell.run(f"sessions export {number} {tmp_path} --template {{genus}}")
    assert wrong.returncode == 3 and "{genus}" in wrong.stderr

    unasked = shell.run(f"sessions rm {number}")
    assert unasked.returncode == 3 and Path(session["folder"]).exists()
    assert shell.told(f"sessions rm {number} --yes") == {"removed": [session["session"]]}
    assert not Path(session["folder"]).exists()
    assert shell.run(f"sessions show {number}").returncode == 3


def test_a_stack_that_is_being_shot_is_not_removed(shell):
    stack = shell.start("shoot --near 1.2mm --far 1.8mm --count 8 --wait --json")
    first = next(event for event in map(json.loads, stack.stdout) if event["event"] == "slice_saved")
    refused = shell.run(f"sessions rm {first['session']} --yes --force")
    assert refused.returncode == 3 and "being shot" in refused.stderr
    stack.communicate(timeout=PATIENCE_S)
    assert stack.returncode == 0
