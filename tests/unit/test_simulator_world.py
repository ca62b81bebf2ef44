import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from simulator.world import (
    RING_LENGTH,
    CarriageBusy,
    CarriageState,
    Driven,
    Resonance,
    TrajectoryLost,
    World,
    WorldError,
    WorldMismatch,
)

SECOND_NS = 1_000_000_000
STILL = Resonance(hertz=35.0, decay_ms=0.001)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "world"


def walk(world: World, count: int, *, every_ns: int = 300_000, um: float = 0.5) -> CarriageState:
    """Trace `count` steps on from where the carriage is."""
    state = world.carriage()
    for _ in range(count):
        at = state.changed_ns + every_ns
        state = state._replace(
            changed_ns=at, carriage_um=state.carriage_um + um, motor_steps=state.motor_steps + 1
        )
        world.trace(state.samples, at, state.carriage_um)
        state = state._replace(samples=state.samples + 1)
        world.record(state)
    return state


def test_a_world_is_shared_between_those_who_open_it(path):
    with_hands = World.create(path, position_um=250.0)
    eyes = World.open(path)
    state = walk(with_hands, 3)
    with_hands.press("shoot", until_ns=500)
    with_hands.drive("led", True, 7_000_000)
    with_hands.drive("led", 0.3, 9_876_543)
    with_hands.drive("led", 0.3, 99_000_000)
    with_hands.break_down("camera_timeout")

    assert eyes.carriage() == state
    assert (eyes.pressed("shoot", 499), eyes.pressed("shoot", 500)) == (True, False)
    assert eyes.driven("led")
    assert eyes.output("led") == Driven(part=0.3, before=1.0, since_ns=9_000_000)
    assert eyes.broken("camera_timeout") and not eyes.broken("exposure_drift")
    eyes.mend("camera_timeout")
    assert not with_hands.broken("camera_timeout")


def test_a_record_torn_by_a_dead_writer_is_not_seen(path):
    world = World.create(path)
    whole = walk(world, 5)
    content = bytearray(path.read_bytes())
    newest = 4096 + 512 * (5 % 2)
    content[newest + 16 : newest + 24] = b"\xff" * 8  # the sixth field half-written, its checksum not yet
    path.write_bytes(content)

    survivor = World.open(path)
    assert survivor.carriage().samples == whole.samples - 1
    survivor.claim_carriage()
    assert walk(survivor, 1).samples == whole.samples
    assert World.open(path).carriage().samples == whole.samples


def test_a_reader_beside_a_writer_never_sees_a_mixture(path):
    world = World.create(path)
    eyes = World.open(path)
    over = threading.Event()

    def write():
        state = world.carriage()
        for n in range(1, 20_000):
            state = state._replace(changed_ns=n, edges=n, net_edges=-n, carriage_um=float(n), samples=1)
            world.record(state)
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen, mixtures = 0, []
    while not over.is_set():
        state = eyes.carriage()
        seen += 1
        if not (state.changed_ns == state.edges == -state.net_edges == state.carriage_um):
            mixtures.append(state)
    writer.join()
    assert seen > 0
    assert mixtures == []


def test_the_ring_holds_ten_seconds_at_six_thousand_steps_a_second(path):
    world = World.create(path, resonance=STILL)
    every_ns = SECOND_NS // 6000
    end = walk(world, RING_LENGTH + 5000, every_ns=every_ns)
    ten_ago = end.changed_ns - 10 * SECOND_NS
    expected_um = end.carriage_um - 0.5 * 60_000

    assert world.position_um_at(ten_ago) == pytest.approx(expected_um, abs=1.0)
    with pytest.raises(TrajectoryLost):
        world.position_um_at(every_ns * 4000)


def test_before_the_first_step_the_carriage_is_where_it_began(path):
    world = World.create(path, position_um=1234.5)
    assert world.position_um_at(10) == 1234.5
    walk(world, 3)
    assert world.position_um_at(10) == 1234.5


def test_sway_begins_where_the_carriage_was_rings_and_dies_away(path):
    resonance = Resonance(hertz=40.0, decay_ms=20.0, across=2.0)
    world = World.create(path, resonance=resonance)
    state = walk(world, 1, um=1.0)
    times_ns = state.changed_ns + np.linspace(0, 0.2 * SECOND_NS, 2001).astype(np.int64)
    along_um, across_um = world.motion_um(times_ns)

    assert along_um[0] == pytest.approx(0.0)
    swing = np.exp(-np.pi / (2 * np.pi * 40.0 * 0.02))  # first overshoot of a damped step response
    assert along_um.max() == pytest.approx(1 + swing, rel=1e-3)
    assert np.abs(along_um[-200:] - 1.0).max() < 2e-4
    np.testing.assert_allclose(across_um, (along_um - 1.0) * 2.0, atol=1e-9)


def test_a_sudden_stop_rings_more_than_a_slow_one(path):
    amplitudes = []
    for speed_um_s in (100.0, 400.0):
        world = World.create(path, resonance=Resonance(hertz=35.0, decay_ms=30.0))
        state = walk(world, 2000, every_ns=int(0.3 / speed_um_s * SECOND_NS), um=0.3)
        after_ns = state.changed_ns + np.arange(0, 100_000_000, 500_000)
        along_um, _ = world.motion_um(after_ns)
        amplitudes.append(along_um.max() - state.carriage_um)
    assert amplitudes[1] > 3 * amplitudes[0] > 0


def test_one_process_moves_the_carriage(path):
    World.create(path).close()
    first, second = World.open(path), World.open(path)
    first.claim_carriage()
    with pytest.raises(CarriageBusy) as refusal:
        second.claim_carriage()
    assert refusal.value.path == path
    first.close()
    second.claim_carriage()


def test_a_file_of_another_kind_is_refused_with_what_to_do(path):
    World.create(path).close()
    content = bytearray(path.read_bytes())
    struct.pack_into("@q", content, 8, 99)
    path.write_bytes(content)
    with pytest.raises(WorldMismatch, match=r"version 99.*delete it"):
        World.open(path)

    path.write_bytes(b"a shopping list")
    with pytest.raises(WorldMismatch, match="not a simulated world"):
        World.open(path)
    path.unlink()
    with pytest.raises(WorldError, match="no simulated world"):
        World.open(path)
    path.write_bytes(b"")
    with pytest.raises(WorldMismatch):
        World.open(path)


def test_unknown_names_are_refused_by_name(path: Path):
    world = World.create(path)
    with pytest.raises(ValueError, match=r"'shout'.*shoot"):
        world.press("shout")
    with pytest.raises(ValueError, match="limit_near_stuck"):
        world.break_down("gremlin")


def test_after_a_reboot_time_begins_anew_and_the_carriage_is_where_it_was(path):
    world = World.create(path, resonance=STILL)
    end = walk(world, 100)
    state = world.reboot()
    assert (state.carriage_um, state.motor_steps, state.changed_ns) == (end.carriage_um, 100, 0)
    assert world.position_um_at(5) == end.carriage_um
