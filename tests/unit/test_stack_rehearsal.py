"""Rehearsing: every place, no picture."""

from stack_rig import PLACES, PLAN, Rig, at_slice

from stack.ending import EndingKind
from stack.rehearsal import rehearse


def test_a_rehearsal_goes_everywhere_rests_and_photographs_nothing(inline_rig: Rig) -> None:
    rig = inline_rig
    began_ns = rig.clock.monotonic_ns()
    ending = rehearse(rig.kit, PLAN, rig.layout(), rig.stop, rig.observe)
    assert ending.kind is EndingKind.DONE
    assert rig.rail.moves == [*PLACES, 1000]
    assert (rig.camera.captured, rig.camera.meterings, rig.camera.exposure) == ([], [], None)
    assert list(rig.root.iterdir()) == []
    moves_ns = rig.rail.restless[5][1] - 40_000_000 - began_ns
    assert moves_ns >= 1050 * 100_000 + 5 * 50_000_000
    assert [event["index"] for event in rig.told if event.get("phase") == "moving"] == list(range(6))


def test_a_rehearsal_can_be_stopped(inline_rig: Rig) -> None:
    rig = inline_rig
    rig.telling = at_slice(2, rig.ask)
    ending = rehearse(rig.kit, PLAN, rig.layout(), rig.stop, rig.observe)
    assert ending.kind is EndingKind.PAUSED
    assert rig.rail.moves[-1] in PLACES[:3]
