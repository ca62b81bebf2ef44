"""What is due while nobody orders anything: the motor cools, the light goes out."""

import math
import threading
import time
from pathlib import Path

from daemon_rig import DaemonRig

from focusd.finder import WANTED_NS
from focusd.jobs import Home
from rail.axis import Trust


def test_after_a_long_rest_the_motor_cools(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, idle_release_s=0.01)
    released = threading.Event()
    release = rig.axis.release

    def let_go() -> None:
        homed = rig.axis.position().trust is Trust.KNOWN
        release()
        if homed:  # a rest before homing lets go too
            released.set()

    rig.axis.release = let_go
    rig.operator.start()
    rig.operator.order(Home()).ended.result(20)
    assert released.wait(20)
    rig.operator.close()
    assert rig.axis.position().trust is Trust.ASSUMED


def test_the_light_goes_out_when_nobody_looks_any_more(rig: DaemonRig) -> None:
    rig.eye.camera()
    rig.finder.want()
    rig.operator.look()
    rig.operator.work_once()
    now_s, idle_s = time.monotonic(), rig.operator._chores.idle_s(time.monotonic())
    assert idle_s is not None
    assert 0 < idle_s <= WANTED_NS / 1e9
    rig.operator._chores.do(now_s)
    assert rig.lights == [True]
    rig.operator._chores.do(now_s + WANTED_NS / 1e9)
    assert rig.lights == [True, False]
    assert rig.operator._chores.idle_s(now_s) is None


def test_nothing_is_due_before_its_time_and_what_is_due_first_is_waited_for(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, idle_release_s=100)
    rig.home()
    now_s = float(math.ceil(time.monotonic()))  # of whole seconds, sums and differences are exact
    rig.operator._chores.release_due_s = now_s + 100
    assert rig.operator._chores.idle_s(now_s) == 100
    rig.operator._chores.dark_due_s = now_s + 15
    assert rig.operator._chores.idle_s(now_s) == 15
    assert rig.operator._chores.idle_s(now_s + 20) == 0
    rig.lights.clear()
    rig.operator._chores.do(now_s + 14)
    assert (rig.lights, rig.axis.position().trust) == ([], Trust.KNOWN)
    rig.operator._chores.do(now_s + 15)
    assert (rig.lights, rig.operator._chores.idle_s(now_s + 15)) == ([False], 85)
    rig.operator._chores.do(now_s + 100)
    assert rig.axis.position().trust is Trust.ASSUMED
    assert rig.operator._chores.idle_s(now_s) is None


def test_after_every_order_the_rest_begins_anew(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, idle_release_s=100)
    rig.operator._chores.release_due_s = None
    rig.home()
    due_s = rig.operator._chores.release_due_s
    assert due_s is not None
    assert 90 < due_s - time.monotonic() <= 100
