"""The light: on, warm, metered by, and out again however a stack ends."""

from dataclasses import replace

import pytest
from camera_bench import Ladder
from daemon_rig import PLAN, DaemonRig

from focusd.jobs import Resume
from focusd.light import Light
from rail.pins import PanelPins, PanelWiring
from simulator.clock import VirtualClock
from simulator.pins import SimulatedFactory
from simulator.rig import SimulatedRig
from simulator.world import World
from stack.journal import replay
from stack.plan import Between
from stack.vitals import Vitals

WARM_UP_NS = 3_000_000_000


@pytest.fixture
def rig(tmp_path):
    rig = DaemonRig(tmp_path, warm_up_ns=WARM_UP_NS)
    rig.marked()
    return rig


def shining(rig):
    return rig.rail.world.driven("light")


def watched(rig):
    """Note every event of a stack, or the phase it tells of, with its instant and whether the light shone."""
    seen, told = [], [rig.hub.last_seq]

    def heard():
        for event in rig.hub.after(told[0]).events:
            told[0] = int(event["seq"])
            seen.append((event.get("phase") or event["event"], rig.clock.monotonic_ns(), shining(rig)))

    rig.listening.enter_context(rig.hub.listening(heard))
    return seen


def test_it_is_on_and_warm_before_metering_through_every_slice_and_out_after(rig):
    seen = watched(rig)
    rig.shoot()
    order = [name for name, _, _ in seen]
    begun = [
        order.index(name)
        for name in ("stack_started", "warming", "metering", "exposure_locked", "slice_saved")
    ]
    assert begun == sorted(begun)
    assert all(lit for _, _, lit in seen[begun[0] : order.index("stack_done") + 1]), seen
    assert (order[-1], seen[-1][2]) == ("job_ended", False)
    at_ns = {name: at_ns for name, at_ns, _ in reversed(seen)}
    assert at_ns["metering"] - at_ns["stack_started"] >= WARM_UP_NS
    assert order.count("slice_saved") == 5
    assert (rig.lights, shining(rig)) == ([True, False], False)


@pytest.mark.parametrize("warm_up_ms", [15_000, 0])
def test_slices_are_lit_alike_once_the_lamp_is_warm_and_would_not_be_before(tmp_path, warm_up_ms):
    rig = DaemonRig(tmp_path, warm_up_ns=warm_up_ms * 1_000_000)
    rig.marked()
    camera = replace(rig.sim.spec.camera, ambient=0.2, lamp=0.8, warm_up_ns=2_000_000_000)
    rig.sim = SimulatedRig(rig.rail.world, rig.clock, replace(rig.sim.spec, camera=camera), Ladder())
    rig.eye.close()
    rig.shoot()
    (session,) = rig.sessions.all()
    told = [entry.facts for entry in replay(session.path / "journal.jsonl").entries]
    lux = [facts["metadata"]["Lux"] for facts in told if "metadata" in facts]
    assert len(lux) == 5
    assert (max(lux) / min(lux) < 1.0005) is (warm_up_ms > 0), lux


def test_no_slice_is_exposed_in_a_cold_light_when_a_stack_goes_on_with_its_recorded_exposure(rig):
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot()
    assert (rig.lights, shining(rig)) == ([True, False], False)
    rig.listening.close()
    seen = watched(rig)
    rig.tell(Resume(None)).ended.result(0)
    assert "metering" not in [name for name, _, _ in seen]
    resumed_ns = next(instant_ns for name, instant_ns, _ in seen if name == "stack_resumed")
    (session,) = rig.sessions.all()
    assert session.state().saved[4].began_ns - resumed_ns >= WARM_UP_NS
    later = [one.began_ns for index, one in session.state().saved.items() if index > 1]
    assert min(later) - resumed_ns >= WARM_UP_NS


def test_a_hot_pi_rests_in_the_dark_and_no_slice_is_exposed_before_the_light_is_warm_again(rig):
    pi = [Vitals(91.0)]
    rig.studio._vitals = lambda: pi[0]
    rig.on("slice_saved", lambda: pi.__setitem__(0, Vitals(91.0)), index=1)
    rig.on("rest_began", lambda: pi.__setitem__(0, Vitals(55.0)))
    seen = watched(rig)
    rig.shoot()
    assert [lit for name, _, lit in seen if name == "rest_began"] == [False, False]
    assert rig.lights == [True, False, True, False, True, False]
    (session,) = rig.sessions.all()
    saved = session.state().saved
    ended_ns = [at_ns for name, at_ns, _ in seen if name == "rest_ended"]
    for index, rested_ns in zip((0, 2), ended_ns, strict=True):
        assert saved[index].began_ns - rested_ns >= WARM_UP_NS
    assert len(saved) == 5


def test_a_stop_is_heard_while_it_warms_up_and_puts_it_out(rig):
    asked_ns = []

    def stop():
        asked_ns.append(rig.clock.monotonic_ns())
        rig.operator.stop()

    rig.on("progress", lambda: rig.last("progress")["phase"] == "warming" and stop())
    rig.shoot()
    assert rig.clock.monotonic_ns() - asked_ns[0] <= 100_000_000
    assert rig.told("stack_paused") == ["stack_paused"]
    assert not shining(rig)


@pytest.mark.parametrize("fault", ["camera_timeout", "exposure_drift"])
def test_a_stack_that_fails_leaves_it_out(rig, fault):
    rig.on("exposure_locked", lambda: rig.rail.world.break_down(fault))
    rig.shoot()
    assert rig.told("stack_failed") == ["stack_failed"]
    assert rig.lights == [True, False]
    assert not shining(rig)


def test_what_no_ending_holds_puts_it_out_too(rig, monkeypatch):
    def broken(*_):
        raise SystemExit

    monkeypatch.setattr("stack.run.travel", broken)
    with pytest.raises(SystemExit):
        rig.shoot()
    assert not shining(rig)


def test_a_refused_plan_and_a_rehearsal_never_switch_it_on(rig):
    rig.shoot(replace(PLAN, range=Between(0.0, 1e9)))
    rig.shoot(replace(PLAN, rehearse=True))
    assert rig.lights == []


def test_who_asks_hears_whether_it_shines(rig):
    lit = []
    rig.on("slice_saved", lambda: lit.append(rig.operator.now().lit), index=0)
    rig.shoot()
    assert lit == [True]
    assert rig.operator.now().lit is False


def test_switched_on_twice_it_is_warm_since_the_first_time():
    clock, switched = VirtualClock(), []
    light = Light(switched.append, 1000, clock)
    steady_ns = light.on()
    clock.pass_ns(5000)
    assert light.on() == steady_ns == clock.monotonic_ns() - 4000
    light.out()
    assert (switched, light.shining) == ([True, False], False)
    assert light.on() == clock.monotonic_ns() + 1000


def test_what_could_not_be_switched_on_is_switched_on_the_next_time():
    switched = []

    def switch(on):
        switched.append(on)
        if switched == [True]:
            raise OSError("the pin is gone")

    light = Light(switch, 1000, VirtualClock())
    with pytest.raises(OSError, match="the pin is gone"):
        light.on()
    assert not light.shining
    light.on()
    assert (switched, light.shining) == ([True, True], True)


@pytest.mark.parametrize(
    ("wiring", "dark", "bright"),
    [
        (PanelWiring(), 0.0, 1.0),
        (PanelWiring(light_level=False), 1.0, 0.0),
        (PanelWiring(light_percent=29), 0.0, 0.29),
        (PanelWiring(light_percent=29, light_level=False), 1.0, 0.71),
    ],
    ids=["on/off", "active low", "dimmed", "dimmed, active low"],
)
def test_its_pin_is_dark_from_the_first_moment_and_dimmed_as_configured(tmp_path, wiring, dark, bright):
    world = World.create(tmp_path / "world")
    pins = PanelPins(SimulatedFactory(world, VirtualClock()), wiring)
    assert world.part_driven("light") == dark
    for _ in range(2):
        pins.light(True)
        assert world.part_driven("light") == pytest.approx(bright)
        pins.light(False)
        assert world.part_driven("light") == dark
