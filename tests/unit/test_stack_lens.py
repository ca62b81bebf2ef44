"""A stack through a camera's own lens: where the glass truly was while each slice was exposed."""

import json
from dataclasses import replace

import pytest
from lens_rig import COIL, SCALE, SETTINGS, LensRig, camera_spec
from stack_rig import InlineWriter

from camera.camera import Exposure
from stack.ending import EndingKind
from stack.kit import Kit
from stack.layout import lay_out
from stack.optics import Optics
from stack.plan import Between, FromOptics, Marks, StackPlan
from stack.session import Facts
from stack.sessions import Sessions
from stack.shoot import Shooter
from stack.stop import StopSignal

OPTICS = Optics(focal_mm=4.74, f_number=1.8, pixel_um=1.4)
PLAN = StackPlan(
    "beetle",
    Between(8.0, 5.0),
    FromOptics(),
    OPTICS,
    settle_ms=0,
    exposure=Exposure(10_000, 1.0, (2.1, 1.7)),
)
NEAR_ENOUGH_D = 0.05
"""A seventh of the distance between two slices."""


def shot(rig, folder):
    """Shoot PLAN; give each slice's place, and where the glass was while it was exposed."""
    layout = lay_out(PLAN, SCALE, rig.axis.position(), Marks())
    session = Sessions(folder).create(PLAN, layout, SCALE, Facts())
    kit = Kit(
        rig.axis, rig.camera, InlineWriter(), rig.clock,
        encode=lambda frame, label: json.dumps([frame.began_ns, frame.ended_ns]).encode(),
        free_bytes=lambda: 10**9, reserve_bytes=0,
    )  # fmt: skip
    with session.journal(rig.clock) as journal:
        ending = Shooter(kit).shoot(session, journal, StopSignal(), lambda event: None)
    assert ending.kind is EndingKind.DONE, ending
    for saved in session.state().saved.values():
        began_ns, ended_ns = json.loads((session.path / saved.file).read_bytes())
        span_ns = range(began_ns, ended_ns, 1_000_000)
        yield saved.position_u, [rig.optical_d(instant_ns) for instant_ns in span_ns]


@pytest.mark.parametrize("frame_us", [25_000, 200_000], ids=["quick", "slow"])
def test_the_lens_stands_at_its_place_throughout_every_slice(tmp_path, frame_us):
    """However slow the frames are: slow ones report a place, and the lens gets there, half a second late."""
    rig = LensRig(tmp_path, spec=camera_spec(shortest_frame_us=frame_us))
    slices = list(shot(rig, tmp_path / "sessions"))
    assert len(slices) == 11
    for place_d, glass_d in slices:
        assert min(glass_d) > place_d + COIL.friction_d - NEAR_ENOUGH_D
        assert max(glass_d) < place_d + COIL.friction_d + NEAR_ENOUGH_D


def test_without_the_settling_time_slices_would_be_exposed_while_the_lens_rings(tmp_path):
    """What the test above sees is there to be seen."""
    rig = LensRig(tmp_path, settings=replace(SETTINGS, settle_ns=0))
    swings_d = [max(glass_d) - min(glass_d) for _, glass_d in shot(rig, tmp_path / "sessions")]
    assert max(swings_d) > 3 * NEAR_ENOUGH_D
