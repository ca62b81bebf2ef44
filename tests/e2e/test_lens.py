"""A camera's own lens as the axis, from a request to the picture: every process real, the rig simulated."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from daemon_process import daemon

LENS = (
    "axis.kind=lens",
    "axis.home_allowed=false",
    "simulation={scene: ruler, size_px: [320, 240], subject_mm: 1.5}",
    "plans.default.optics=camera-module-3",
)
UM_A_D, MIDDLE_UM, MIDDLE_D = 200.0, 1500.0, 5.0


@pytest.fixture(scope="module")
def lens(tmp_path_factory):
    with daemon(tmp_path_factory.mktemp("lens"), *LENS) as running:
        running.tell("/home")  # once the scene is drawn and the camera open
        yield running


def focusctl(lens, *words):
    command = [sys.executable, "-m", "focusd.cli", "--socket", str(lens.socket), *words]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"})
    return done.returncode, done.stdout + done.stderr


def dioptres(world):
    return MIDDLE_D + (MIDDLE_UM - world["position_um"]) / UM_A_D


def test_its_place_is_known_without_homing_and_counts_dioptres(lens):
    lens.tell("/goto", position_u=0.0, unit="d")
    axis = lens.ask("/status")["axis"]
    assert (axis["unit"], axis["trust"], axis["position_u"]) == ("d", "known", 0.0)
    assert (axis["nearest_u"], axis["farthest_u"]) == (14.75, 0.0)
    assert axis["subject_mm"] is None  # infinity
    everything = lens.ask("/axis")
    assert (everything["counts_from"], everything["step_u"]) == ("infinity", 0.03125)
    assert everything["lens"] == {"stride_u": 2.0, "run_up_u": 0.25, "settle_ms": 100.0}


def test_focusctl_moves_it_in_dioptres(lens):
    assert focusctl(lens, "goto", "4d") == (0, "there: at 4 dioptres, position known\n")
    assert focusctl(lens, "jog", "0.5d")[0] == 0
    assert lens.ask("/status")["axis"]["position_u"] == 4.5
    assert dioptres(lens.ask("/sim/state")) == pytest.approx(4.5, abs=0.1)
    assert "4.5 dioptres (sharp at 222.2 mm)" in focusctl(lens, "status")[1]
    code, words = focusctl(lens, "axis")
    assert code == 0
    assert "4.5 dioptres, known" in words
    assert "counts from infinity" in words and "0.03125 dioptres each" in words


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("goto", "4mm"), 3, "this axis is a lens"),
        (("goto", "16d"), 3, "beyond the near end of the reach, which is 14.75 dioptres to 0 dioptres"),
        (("zero",), 3, "nothing to zero"),
        (("jog", "0.01d"), 3, "less than one step of this axis, 0.03125 d"),
        (("jog", "4"), 2, "4d for a lens"),
    ],
)
def test_what_makes_no_sense_on_a_lens_is_refused_in_words(lens, words, code, why):
    before = lens.ask("/status")["axis"]["position_u"]
    returned, said = focusctl(lens, *words)
    assert (returned, why in said) == (code, True), said
    assert lens.ask("/status")["axis"]["position_u"] == before


def test_home_is_infinity_and_needs_no_leave(lens):
    lens.tell("/goto", position_u=2.0, unit="d")
    assert lens.tell("/home")["position_u"] == 0.0


def test_a_stack_between_marks_lies_evenly_in_dioptres_and_every_slice_was_taken_at_its_place(lens):
    lens.tell("/mark", end="near", position_u=3.5, unit="d")
    marks = lens.tell("/mark", end="far", position_u=6.5, unit="d")
    assert (marks["near_u"], marks["far_u"]) == (6.5, 3.5)
    plan = lens.tell("/plan")
    assert plan["asked_pitch_u"] == pytest.approx(0.75 * 0.4486, abs=1e-3)
    assert plan["dof_u"] == pytest.approx(0.4486, abs=1e-3)
    assert (plan["near_u"], plan["far_u"], plan["slices"]) == (6.5, 3.5, 11)
    assert plan["subject_mm"] == [pytest.approx(153.8, abs=0.1), pytest.approx(285.7, abs=0.1)]
    code, said = focusctl(lens, "shoot", "--json")
    assert code == 0, said
    session = json.loads(said)["session"]
    assert lens.wait_for("stack_done")["slices"] == 11
    assert lens.wait_for("merge_done")["slices"] == 11
    folder = Path(lens.ask(f"/sessions/{session}")["folder"])
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    slices = [line for line in lines if line["event"] == "slice_saved"]
    places_d = [one["position_u"] for one in slices]
    assert places_d == sorted(places_d, reverse=True)
    assert [one["metadata"]["LensPosition"] for one in slices] == places_d
    assert (folder / "merged.jpg").exists()
