"""A rig with a play of its own is measured from the shell, and its configuration says so afterwards."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from daemon_process import daemon

from camera.shading import Shading

MINE = "# my rig\naxis:\n  backlash_um: 120.0  # as the seller says\n"

RIG = (
    "simulation={size_px: [160, 120], start_mm: 0.3, subject_mm: 1.5, subject_depth_um: 400.0, "
    "backlash_um: 20.0, sway_decay_ms: 5.0}",
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    folder = tmp_path_factory.mktemp("d")
    with daemon(folder, *RIG) as focusd:
        focusd.tell("/home")
        focusd.tell("/goto", position_u=1500.0)
        yield focusd


def started(rig, line):
    environment = {**os.environ, "FOCUSRAIL_SOCKET": str(rig.socket)}
    command = [sys.executable, "-m", "focusd.cli", *line.split()]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def typed(rig, line):
    child = started(rig, line)
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


def test_play_is_found_shown_and_written_and_nothing_else_is(rig, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE)
    mine.chmod(0o640)
    code, out, err = typed(rig, f"calibrate backlash --span 240um --pitch 20um --yes --config {mine}")
    assert code == 0, err
    written = mine.read_text().splitlines()
    found_um = float(written[2].split()[1])
    assert 18 <= found_um <= 28, out
    assert [written[0], written[1]] == MINE.splitlines()[:2]
    assert written[2].endswith("# as the seller says")
    assert mine.stat().st_mode & 0o777 == 0o640
    assert "-  backlash_um: 120.0" in out
    assert "• to far  o back" in out
    evidence = next(line for line in out.splitlines() if line.startswith("evidence: "))
    assert Path(evidence.removeprefix("evidence: ")).read_text().startswith("<svg")


def test_without_a_yes_nothing_is_written(rig, tmp_path):
    mine = tmp_path / "mine.yaml"
    code, out, err = typed(rig, f"--json calibrate backlash --span 200um --pitch 25um --config {mine}")
    assert (code, err, mine.exists()) == (0, "", False)
    answer = json.loads(out)
    assert (answer["written"], answer["proposals"][0]["now"]) == (None, 100.0)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGHUP])
def test_what_ends_the_command_stops_the_rig_and_says_so(rig, ending):
    rig.tell("/goto", position_u=1500.0)
    child = started(rig, "calibrate backlash --span 1mm --pitch 10um")
    since = len(rig.events)
    rig.wait_for("measuring", lambda event: event["done"] == 2 and event in rig.events[since:])
    child.send_signal(ending)
    _, err = child.communicate(timeout=30)
    assert (child.returncode, err[:18]) == (130, "focusctl: Stopped:")
    assert rig.ask("/status")["light"]["on"] is False


def test_the_subject_is_found_and_marked(rig):
    rig.tell("/goto", position_u=1500.0)
    for end, place_u in (("near", 500.0), ("far", 600.0)):
        rig.tell("/mark", end=end, position_u=place_u)  # of what stood there before
    code, out, err = typed(rig, "--json range --around 800um --pitch 50um --yes")
    assert code == 0, err
    found = json.loads(out)
    # The insect is 400 um deep about 1.5 mm, and in frames as coarse as these all of that is sharp at once.
    assert 1100 <= found["marks"]["near_u"] <= 1500 <= found["marks"]["far_u"] <= 1950
    assert {Path(found["folder"], file).exists() for file in found["files"]} == {True}
    code, _, err = typed(rig, "range --near 1.5mm --far 1.9mm --pitch 50um --yes")
    assert (code, "beyond the near end" in err) == (1, True)


def test_a_white_field_is_kept_when_somebody_asks_for_it(rig):
    found = {"kind": "flat", "words": [], "figures": {"optics": "macro-2x"}, "plot": None, "proposals": []}
    evidence, shadings = rig.state / "simulated-calibrations" / "0099-flat", rig.state / "simulated-shading"
    evidence.mkdir(parents=True)
    (evidence / "result.json").write_text(json.dumps({**found, "files": ["shading.npz"]}))
    field = Shading((160, 120), gains=np.ones((4, 4, 3), np.float32))
    (evidence / "shading.npz").write_bytes(field.packed())
    assert rig.ask("/calibrations/0099-flat")["keeps"] is True
    (rig.state / "shading").mkdir()
    (rig.state / "shading" / "macro-2x.npz").write_bytes(field.packed())  # of the real rig, and none of ours
    assert rig.call("POST", "/plan", corrected=True, around_u=100.0)[0] == 409
    assert not shadings.exists()
    rig.tell("/calibrations/0099-flat/keep")
    assert rig.call("POST", "/plan", corrected=True, around_u=100.0)[0] == 200
    assert [path.name for path in shadings.iterdir()] == ["macro-2x.npz"]
    assert rig.call("POST", "/calibrations/0098-flat/keep")[0] == 404


OTHER = (
    "simulation={scene: ruler, size_px: [320, 240], start_mm: 0.3, subject_mm: 1.5, subject_depth_um: 400.0, "
    "magnification: 1.3, pixel_um: 6.2, backlash_um: 47.0, sway_decay_ms: 4.0}",
    "axis.screw={lead_mm: 4.0, microsteps: 8}",
    "axis.speed.max_mm_s=3.5",
    "optics={macro-2x: {magnification: 2.0, f_number: 4.0, pixel_um: 6.2}}",
)
"""Another screw, another driver, another lens than the optics say, and more play.

So coarse a step passes the pull-in rate at the usual speed, and a busy machine would halt it there.
Its sway is over in the 20 ms that the tests' pictures wait: seen in mid-sway, play is off by up to 10 um.
"""


def proposed(rig, line):
    code, out, err = typed(rig, f"--json calibrate {line}")
    assert code == 0, err
    return {tuple(one["keys"]): one["value"] for one in json.loads(out)["proposals"]}


def test_a_rig_of_other_make_is_measured_as_it_is(tmp_path):
    with daemon(tmp_path, *OTHER) as focusd:
        focusd.tell("/home")
        focusd.tell("/goto", position_u=1500.0)
        (scale,) = proposed(focusd, "scale --division 100um").values()
        (play_um,) = proposed(focusd, "backlash --span 280um --pitch 20um").values()
    assert scale == pytest.approx(1.3, rel=0.01)
    assert play_um == pytest.approx(48.5, abs=2)  # two standard errors of .7 um more than there is
