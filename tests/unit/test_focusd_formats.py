"""A stack in every format, from the camera to what other people's programs and the merge read."""

import json
from dataclasses import replace

import numpy as np
import pytest
from daemon_rig import PLAN, DaemonRig
from tools import library

from focusd.archive import Record
from focusd.encoding import FORMATS
from focusd.jobs import Resume
from rail.screw import Scale
from stack.errors import NotResumable
from stack.merge.photos import read_photo
from stack.optics import Optics
from stack.session import Facts
from stack.session_state import Phase

TWO_LENSES = replace(PLAN, optics=Optics(2, f_number=4, pixel_um=3.1, focal_mm=50))


def shot(tmp_path, format, plan=PLAN):
    rig = DaemonRig(tmp_path, format=format)
    rig.marked()
    rig.shoot(plan)
    (session,) = rig.sessions.all()
    return rig, session, session.state()


@pytest.mark.parametrize(
    ("format", "suffix", "depth"),
    [("jpeg", ".jpg", np.uint8), ("png", ".png", np.uint8), ("png16", ".png", np.uint16),
     ("tiff16", ".tif", np.uint16), ("dng", ".jpg", np.uint8)],
)  # fmt: skip
def test_the_merge_is_given_files_that_it_reads_with_all_their_bits(tmp_path, format, suffix, depth):
    rig, session, state = shot(tmp_path, format)
    assert len(state.saved) == 5
    assert rig.merges.fed == [(session.id, [*(f"slices/{index:04d}{suffix}" for index in range(5)), "end"])]
    pixels = read_photo(session.path / state.saved[4].file)
    assert (pixels.dtype, pixels.shape) == (depth, (120, 160, 3))
    if depth == np.uint16:
        assert len(np.unique(pixels & 0xFF)) > 100, "only 8 of the 16 bits are used"


def test_a_dng_stands_beside_each_jpeg_and_shows_what_the_sensor_read(tmp_path):
    rawpy = library("rawpy")
    _, session, state = shot(tmp_path, "dng")
    for saved in state.saved.values():
        (beside,) = saved.companions
        assert beside.file == saved.file.replace(".jpg", ".dng")
        with rawpy.imread(str(session.path / beside.file)) as raw:
            assert raw.raw_image.shape == (120, 160)
            # the card turns brighter with every micrometre; black is far below
            assert raw.raw_image.min() > raw.black_level_per_channel[0]
            assert raw.camera_whitebalance[:3] == pytest.approx([*_balance(saved)], rel=2e-3)


def _balance(saved):
    red, blue = saved.exposure.colour_gains
    return red, 1.0, blue


def test_without_a_companion_that_was_saved_the_slice_is_shot_again(tmp_path):
    _, session, _ = shot(tmp_path, "dng")
    (session.path / "slices/0002.dng").write_bytes(b"II*")
    saved = session.state().saved[2]
    assert "slices/0002.dng has 3 bytes" in str(session.flaw(saved))
    assert session.flaw(session.state().saved[1]) is None


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ({"camera": {"format": "png"}}, r"with camera\.format: jpeg, and it is png now"),
        ({"camera": {"index": 1}}, r"with camera\.index: 0, and it is 1 now"),
        ({"panel": {"light_percent": 50}}, r"with panel\.light_percent: 100, and it is 50 now"),
        ({"panel": {"light_pin": None}}, r"with panel\.light_pin: 13, and it is null now"),
    ],
)
def test_a_stack_is_not_gone_on_with_lit_seen_or_saved_in_another_way(tmp_path, now, words):
    rig = DaemonRig(tmp_path)
    shot_so = {"camera": {"format": "jpeg", "index": 0}, "panel": {"light_pin": 13, "light_percent": 100}}
    rig.begin_as(configuration=shot_so)
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot()
    edges = rig.rail.world.carriage().edges
    rig.begin_as(configuration=now)
    with pytest.raises(NotResumable, match=words):
        rig.tell(Resume(None)).ended.result(0)
    assert rig.rail.world.carriage().edges == edges


def test_a_stack_is_not_gone_on_with_in_other_steps(tmp_path):
    rig = DaemonRig(tmp_path)
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot()
    stood = rig.axis.position()
    rig.axis._scale = Scale("um", rig.axis.scale.per_step * 2)
    with pytest.raises(NotResumable, match=r"steps of 0\.3125 µm, and the axis takes steps of 0\.625 µm now"):
        rig.tell(Resume(None)).ended.result(0)
    assert rig.axis.position() == stood


@pytest.mark.parametrize(
    "now", [{"inverted": True}, {"subject_side": "near"}, {"subject_side": "near", "travel_steps": 9_000}]
)
def test_a_stack_is_not_gone_on_with_counted_from_elsewhere_or_the_other_way(tmp_path, now):
    rig = DaemonRig(tmp_path)
    if "travel_steps" in now:
        turned_round(rig, subject_side="near")
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot()
    turned_round(rig, **now)
    edges = rig.rail.world.carriage().edges
    with pytest.raises(NotResumable, match=r"so that they mean others: set axis\.invert, axis\.subject_side"):
        rig.tell(Resume(None)).ended.result(0)
    assert rig.rail.world.carriage().edges == edges
    assert rig.sessions.open(1).state().phase is Phase.PAUSED


def test_a_stack_that_never_recorded_what_its_places_count_from_goes_on(tmp_path, monkeypatch):
    rig = DaemonRig(tmp_path)
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    monkeypatch.setattr(Record, "facts", lambda *_: Facts({"camera": {"format": "jpeg"}}))
    rig.shoot()
    rig.hooks.clear()
    rig.listening.close()
    rig.tell(Resume(None)).ended.result(0)
    assert rig.sessions.open(1).state().phase is Phase.DONE


def turned_round(rig, **settings):
    """Have the axis begin anew as another configuration has it."""
    rig.rail.settings = replace(rig.rail.settings, **settings)
    rig.rail.switch_on()
    rig.axis = rig.rail.axis
    rig.begin()


def test_the_room_for_a_stack_follows_the_format(tmp_path):
    costs = {}
    for format in FORMATS:
        folder = tmp_path / format
        folder.mkdir()
        rig = DaemonRig(folder, format=format)
        rig.marked()
        rig.eye.camera()
        costs[format] = rig.studio.preview(PLAN, {}).cost.bytes / (5 * 160 * 120)
    assert costs == {"jpeg": 1, "png": 3, "png16": 6, "tiff16": 6, "dng": 3}
    *_, state = shot(tmp_path, "dng")
    for saved in state.saved.values():
        assert sum(kept.bytes for kept in saved.files) <= costs["dng"] * 160 * 120 + 20_000


def test_files_say_which_lens_and_how_large_things_are(tmp_path):
    piexif = library("piexif")
    _, session, state = shot(tmp_path, "jpeg", TWO_LENSES)
    exif = piexif.load(str(session.path / state.saved[0].file))
    assert exif["Exif"][piexif.ExifIFD.FocalLength] == (50_000, 1000)
    assert exif["Exif"][piexif.ExifIFD.LensModel] == b"2x 50 mm f/4"
    comment = json.loads(exif["Exif"][piexif.ExifIFD.UserComment][8:])
    assert comment["um_a_px"] == 1.55
    assert exif["0th"][piexif.ImageIFD.ResolutionUnit] == 3
