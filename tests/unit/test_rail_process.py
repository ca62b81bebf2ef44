import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from contention import WatchedLock
from rail_rig import RAMP, SCALE, SETTINGS, SPEC

from focusd import daemon
from rail import process
from rail.axis import Trust
from rail.errors import MotionLost, PinsUnavailable
from rail.position_store import FilePositionStore
from rail.process import StepperProcess
from rail.profile import Ramp
from rail.signals import Limits
from rail.stepper import Ending, Seek
from rail.stepper_axis import StepperAxis
from simulator.world import World

CHILD = [sys.executable, str(Path(__file__).parents[1] / "rail_child.py")]
SLOW = Ramp(100, 100, 1)
PR_GET_TIMERSLACK = 30
LONG_STEPS = 3_000
PATIENCE_S = 20.0


@pytest.fixture
def world(tmp_path):
    return World.create(tmp_path / "world", position_um=600.0)


@pytest.fixture
def stepper(world):
    stepper = StepperProcess([*CHILD, str(world.path)])
    yield stepper
    stepper.close()


def wait_until(condition):
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, "it never came true"
        time.sleep(0.002)


def in_background(work):
    """Start `work` on a thread; give a function that waits for its result, or for its error."""
    outcome = []

    def run():
        try:
            outcome.append(work())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(20.0)
        return outcome[0]

    return result


def test_a_child_does_what_a_local_stepper_does(stepper, world):
    assert stepper.limits() == Limits(near=False, far=False)
    run = stepper.run(200, RAMP)
    assert (run.issued_steps, run.ending, run.abrupt) == (200, Ending.DONE, False)
    assert stepper.run(-50, RAMP).issued_steps == -50
    assert stepper.count_steps() == world.carriage().net_edges == 150
    assert 0 <= time.monotonic_ns() - run.at_rest_ns < 60e9
    stepper.release()
    assert not world.carriage().enabled
    stepper.energise()
    assert world.carriage().enabled


def test_a_child_seeks_the_switch(tmp_path):
    world = World.create(tmp_path / "world", position_um=SPEC.backlash_um)
    stepper = StepperProcess([*CHILD, str(world.path)])
    try:
        assert stepper.run(-1_000, RAMP.slowest(), seek=Seek.PRESSED).ending is Ending.FOUND
        assert stepper.limits() == Limits(near=True, far=False)
        assert stepper.run(-1, RAMP).ending is Ending.LIMIT
    finally:
        stepper.close()


def test_stop_takes_effect_during_a_run_and_holds(stepper, world):
    result = in_background(lambda: stepper.run(LONG_STEPS, RAMP))
    wait_until(lambda: stepper.count_steps() > 100)
    assert stepper.running()
    stepper.stop()
    at_stop = stepper.count_steps()
    run = result()
    assert run.ending is Ending.STOPPED
    assert run.issued_steps <= at_stop + RAMP.length_steps + 20
    assert not stepper.running()
    assert world.carriage().net_edges == run.issued_steps
    assert stepper.run(10, RAMP).issued_steps == 0
    stepper.arm()
    assert stepper.run(10, RAMP).issued_steps == 10


def test_a_parent_flooded_with_work_neither_hurries_nor_loses_a_step(stepper, world):
    """Four threads that fight for the interpreter, and questions without end, while the child steps."""
    over = threading.Event()

    def toil():
        while not over.is_set():
            sum(range(20_000))
            stepper.look(), stepper.count_steps()

    before, threads = time.monotonic_ns(), [threading.Thread(target=toil) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        run = stepper.run(1_500, RAMP)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert (run.issued_steps, run.ending, run.abrupt) == (1_500, Ending.DONE, False)
    carriage = world.carriage()
    assert (carriage.edges, carriage.net_edges, carriage.lost_steps) == (1_500, 1_500, 0)
    assert run.at_rest_ns - before >= RAMP.duration_ns(1_500)


def test_a_killed_child_is_noticed_and_the_position_unknown(stepper, world, tmp_path):
    slow = replace(SETTINGS, ramp=RAMP.slowest())
    axis = StepperAxis(stepper, SCALE, slow, FilePositionStore(tmp_path / "position.json"))
    axis.zero(1_000)
    result = in_background(lambda: axis.jog(LONG_STEPS))
    wait_until(lambda: stepper.count_steps() > 20)
    os.kill(stepper.pid, signal.SIGKILL)
    error = result()
    assert isinstance(error, MotionLost)
    assert "it ended by itself (exit status -9)" in str(error), "seen at once, not missed after a while"
    assert error.position.trust is Trust.UNKNOWN
    assert error.position.steps == 1_000 + world.carriage().net_edges
    assert not axis.moving()
    with pytest.raises(MotionLost):
        axis.jog(1)


def test_a_child_that_hangs_is_put_to_an_end(world):
    stepper = StepperProcess([*CHILD, str(world.path)], silence_s=0.3)
    result = in_background(lambda: stepper.run(LONG_STEPS, SLOW))
    wait_until(lambda: stepper.count_steps() > 5)
    os.kill(stepper.pid, signal.SIGSTOP)
    error = result()
    assert isinstance(error, MotionLost)
    assert "no sign of life" in str(error)
    assert gone(stepper.pid)


def test_a_child_that_hangs_at_the_end_is_put_to_an_end_too(stepper, monkeypatch):
    monkeypatch.setattr(process, "_END_S", 0.05)
    os.kill(stepper.pid, signal.SIGSTOP)
    stepper.close()
    assert gone(stepper.pid)


def test_a_child_that_steps_slowly_is_not_taken_for_one_that_hangs(world):
    stepper = StepperProcess([*CHILD, str(world.path)], silence_s=0.9)
    try:
        assert stepper.run(2, Ramp(1, 1, 1)).ending is Ending.DONE
    finally:
        stepper.close()


def test_a_run_that_is_under_way_when_the_stepper_is_closed_ends_there(stepper, world):
    result = in_background(lambda: stepper.run(LONG_STEPS, SLOW))
    wait_until(lambda: stepper.count_steps() > 5)
    stepper.close()
    run = result()
    assert isinstance(run, MotionLost) or run.ending is Ending.HALTED
    assert world.carriage().net_edges < LONG_STEPS
    assert not world.carriage().enabled


def test_a_child_that_fails_says_what_failed_and_lets_the_motor_go(stepper, world):
    stepper.energise()
    with pytest.raises(MotionLost, match="it failed: ValueError: there is no request 'dance'"):
        stepper._ask({"do": "dance"})
    assert gone(stepper.pid)
    assert not world.carriage().enabled
    with pytest.raises(MotionLost, match="it is gone"):
        stepper.limits()


def sockets():
    names = (str(link.readlink()) for link in list(Path("/proc/self/fd").iterdir()) if link.is_symlink())
    return {name for name in names if name.startswith("socket")}


def test_of_the_channel_our_end_alone_is_kept_and_closed_with_the_stepper(world):
    """Were the child's end open here too, its death would not be heard."""
    before = sockets()
    stepper = StepperProcess([*CHILD, str(world.path)])
    kept = sockets() - before
    stepper.close()
    assert (len(kept), sockets() - before) == (1, set())


def test_an_emergency_stop_is_seen_during_a_run_and_at_rest_and_remembered(stepper, world):
    result = in_background(lambda: stepper.run(LONG_STEPS, SLOW))
    wait_until(lambda: stepper.count_steps() > 5)
    world.press("e_stop")
    run = result()
    assert run.ending is Ending.EMERGENCY
    assert world.carriage().net_edges == run.issued_steps < LONG_STEPS
    assert not stepper.acknowledge()
    world.release("e_stop")
    assert stepper.emergency()
    assert stepper.acknowledge()
    assert not stepper.emergency()
    world.press("e_stop")
    wait_until(stepper.emergency)
    world.release("e_stop")
    wait_until(lambda: stepper.look().emergency_pressed is False)
    assert stepper.run(10, SLOW).issued_steps == 0


def test_switches_and_motor_are_seen_while_the_child_rests(stepper, world):
    assert not stepper.look().energised
    world.break_down("limit_far_open")
    wait_until(lambda: stepper.look().limits == Limits(near=False, far=True))
    stepper.energise()
    wait_until(lambda: stepper.look().energised)


def test_a_closed_channel_halts_a_child_whose_parent_lives_on(stepper, world):
    result = in_background(lambda: stepper.run(LONG_STEPS, SLOW))
    wait_until(lambda: stepper.count_steps() > 20)
    stepper._socket.shutdown(socket.SHUT_RDWR)
    at_end = stepper.count_steps()
    assert isinstance(result(), MotionLost)
    assert world.carriage().net_edges <= at_end + 5
    assert not world.carriage().enabled


def test_what_asks_the_daemon_to_end_is_left_to_it(stepper):
    """A terminal that is closed tells all that were begun in it; who moves a rail ramps it down first."""
    result = in_background(lambda: stepper.run(300, RAMP))
    wait_until(lambda: stepper.count_steps() > 10)
    for ending in daemon.ENDINGS:
        os.kill(stepper.pid, ending)
    assert result().ending is Ending.DONE


def test_a_child_without_pins_says_so(world):
    with pytest.raises(PinsUnavailable, match="GPIO 21 cannot be had"):
        StepperProcess([*CHILD, str(world.path), "--broken"])


def test_a_child_that_dies_at_once_is_lost():
    with pytest.raises(MotionLost, match=r"ended by itself \(exit status 7\)"):
        StepperProcess([sys.executable, "-c", "raise SystemExit(7)"])


FAILS_AT_REST = """
import sys, time
from rail.process import inherit, serve

class Stepper:
    def watch(self):
        channel.signals.looked_ns = 1
        while channel._lines.empty():
            time.sleep(0.001)
        raise RuntimeError("the pins are gone")
    close = watch

with inherit(int(sys.argv[-3]), int(sys.argv[-1])) as channel:
    serve(Stepper(), channel)
"""


def test_a_child_whose_pins_fail_as_it_is_asked_something_is_lost():
    """What it says then is no answer to that."""
    stepper = StepperProcess([sys.executable, "-c", FAILS_AT_REST], ready_s=PATIENCE_S)
    wait_until(lambda: stepper.look().looked_ns)
    with pytest.raises(MotionLost, match="it failed: the pins are gone"):
        stepper.limits()
    assert gone(stepper.pid)


ENDS_UNASKED = """
import os, socket, sys
channel = socket.socket(fileno=int(sys.argv[-3]))
channel.sendall(b'{"ready":[]}\\n')
channel.recv(1, socket.MSG_PEEK)
os._exit(7)
"""


def test_a_child_that_ends_without_hearing_what_it_is_asked_is_lost():
    """The system calls that a connection that was reset."""
    stepper = StepperProcess([sys.executable, "-c", ENDS_UNASKED], ready_s=PATIENCE_S)
    with pytest.raises(MotionLost, match=r"it is gone \(exit status 7\)"):
        stepper.limits()


def test_a_command_that_is_not_there_is_named():
    with pytest.raises(PinsUnavailable, match="/nowhere/motion"):
        StepperProcess(["/nowhere/motion"])


@pytest.mark.parametrize("act", [StepperProcess.limits, StepperProcess.close])
def test_an_answer_goes_to_whoever_asked_though_another_asks_or_ends_it_meanwhile(stepper, act):
    stepper._lock = lock = WatchedLock()
    receive, second = stepper._receive, []

    def receive_as_another_comes(silence_s: float) -> object:
        stepper._receive = receive
        lock.meanwhile(lambda: second.append(act(stepper)))
        return receive(silence_s)

    stepper._receive = receive_as_another_comes
    assert stepper.acknowledge()
    lock.join()
    assert second == [Limits(False, False) if act is StepperProcess.limits else None]


def test_who_has_not_waited_for_an_answer_is_not_given_it_for_the_next(stepper, monkeypatch):
    def interrupted(silence_s):
        raise KeyboardInterrupt

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(stepper, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stepper.acknowledge()
    with pytest.raises(MotionLost, match="it is gone"):
        stepper.limits()
    assert gone(stepper.pid)


def test_what_precedence_the_child_has_is_what_it_reports(stepper):
    realtime = os.sched_getscheduler(stepper.pid) == os.SCHED_FIFO
    assert realtime != any("priority" in complaint for complaint in stepper.complaints)
    status = Path(f"/proc/{stepper.pid}/status").read_text()
    locked = re.search(r"^VmLck:\s*0 kB$", status, re.MULTILINE) is None
    assert locked != any("memory is not locked" in complaint for complaint in stepper.complaints)


def test_timers_are_made_exact_by_the_kernels_own_word_for_it():
    """Where real time is not permitted, it is all that keeps each sleep from growing by 50 µs."""
    slack_ns = []

    def ask() -> None:  # in a thread of its own, which is all that it changes
        process._prctl(process._PR_SET_TIMERSLACK, 1)
        slack_ns.append(ctypes.CDLL(None).prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0))

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join()
    assert slack_ns == [1]


def test_memory_is_not_locked_under_a_limit_that_would_be_met_later():
    """A thread is refused then, or a library, and the motor's process could not even start."""
    told = process.limit_problem(64 * 2**20, root=False)
    assert told == "the limit, LimitMEMLOCK, is 67 MB, and 512 MB are needed"
    assert process.limit_problem(process.LOCKED_BYTES - 1, root=False) is not None
    for enough, root in ((process.LOCKED_BYTES, False), (resource.RLIM_INFINITY, False), (0, True)):
        assert process.limit_problem(enough, root=root) is None


def test_memory_is_locked_by_the_limit_that_this_process_has(monkeypatch):
    locked = []
    monkeypatch.setattr(process.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(process.ctypes, "CDLL", lambda *_, **__: SimpleNamespace(mlockall=locked.append))
    monkeypatch.setattr(process.resource, "getrlimit", lambda which: (64 * 2**20, -1))
    assert process._lock_memory() == process.limit_problem(64 * 2**20, root=False)
    assert locked == []


def test_closing_ends_the_child_and_lets_the_motor_go(world):
    stepper = StepperProcess([*CHILD, str(world.path)])
    stepper.run(10, RAMP)
    stepper.close()
    stepper.close()
    assert gone(stepper.pid)
    assert not world.carriage().enabled


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


PARENT = """
import json, os, subprocess, sys
from rail.process import StepperProcess
from rail.profile import Ramp

stepper = StepperProcess(json.loads(sys.argv[1]))
sibling = 0
if sys.argv[2] == "leaky":
    fd = stepper._socket.fileno()
    os.set_inheritable(fd, True)
    sibling = subprocess.Popen(["sleep", "60"], pass_fds=[fd], stdout=subprocess.DEVNULL).pid
print(json.dumps([stepper.pid, sibling]), flush=True)
stepper.run(3000, Ramp(100, 100, 1))
"""


@pytest.mark.parametrize("kind", ["tidy", "leaky", "vertical"])
def test_the_child_halts_and_ends_when_its_parent_is_killed(world, kind):
    """In the leaky case another process keeps the channel open: only the kernel's signal tells the child.

    On a vertical rig it leaves the motor held.
    """
    vertical = ["--gravity"] if kind == "vertical" else []
    command = [*CHILD, str(world.path), *vertical]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, json.dumps(command), kind], stdout=subprocess.PIPE
    )
    child, sibling = json.loads(parent.stdout.readline())
    try:
        wait_until(lambda: world.carriage().net_edges > 20)
        parent.kill()
        parent.wait()
        at_death = world.carriage().net_edges
        wait_until(lambda: gone(child))
        assert world.carriage().net_edges <= at_death + 5
        assert world.carriage().enabled is bool(vertical)
    finally:
        parent.stdout.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        if sibling:
            os.kill(sibling, signal.SIGKILL)
