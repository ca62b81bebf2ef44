"""A stack of raw files, from a request to the picture: every process real, the rig simulated."""

import subprocess
from pathlib import Path

from daemon_process import daemon
from tools import library, needs


@needs("exiftool")
def test_a_stack_of_dngs_is_shot_merged_and_opened_by_others(tmp_path):
    rawpy = library("rawpy")
    with daemon(tmp_path, "camera.format=dng") as rig:
        rig.home_and_mark()
        rig.tell("/shoot", count=3)
        assert rig.wait_for("merge_done")["slices"] == 3
        session = rig.ask("/sessions")["sessions"][-1]
        folder = Path(session["folder"])
        assert sorted(path.name for path in (folder / "slices").iterdir()) == [
            "0000.dng", "0000.jpg", "0001.dng", "0001.jpg", "0002.dng", "0002.jpg",
        ]  # fmt: skip
        for dng in (folder / "slices").glob("*.dng"):
            with rawpy.imread(str(dng)) as raw:
                assert raw.postprocess(half_size=True).shape == (120, 160, 3)
            told = subprocess.run(
                ["exiftool", "-validate", str(dng)], capture_output=True, text=True, check=True
            )
            assert told.stdout.split() == ["Validate", ":", "OK"]
