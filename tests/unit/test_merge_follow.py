import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from merge_stacks import rig_stack

from stack.merge.photos import Shape, photo_shape, read_photo


@pytest.fixture
def session(tmp_path):
    (tmp_path / "slices").mkdir()
    for i, frame in enumerate(rig_stack().frames[:6]):
        (tmp_path / f"slices/{i:04}.jpg").write_bytes(
            simplejpeg.encode_jpeg(frame, colorspace="BGR", quality=95)
        )
    return tmp_path


FILES = ["confidence.png", "depth-preview.jpg", "depth.png", "merge.json", "merged.jpg"]


def started(session, *more):
    return subprocess.Popen(
        [sys.executable, "-m", "stack.merge", "follow", "--session", str(session), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tell(child, **line):
    child.stdin.write(json.dumps(line) + "\n")
    child.stdin.flush()


def followed(session, count=4, first=0):
    """Let a child merge a session; give what it said, and its exit code."""
    with started(session) as child:
        for i in range(first, first + count):
            tell(child, slice=f"slices/{i:04}.jpg")
        tell(child, end=True)
        child.stdin.close()
        lines = [json.loads(line) for line in child.stdout]
        complaints = child.stderr.read()
    assert complaints == ""
    return lines, child.returncode


def made(session):
    merges = session / "merges"
    return sorted(str(path.relative_to(merges)) for path in merges.rglob("*"))


def test_whoever_looks_sees_the_picture_as_it_is_by_then(session):
    with started(session) as child:
        said = lambda: json.loads(child.stdout.readline())  # noqa: E731
        tell(child, look=True)
        assert said() == {"growing": None, "slices": 0}
        for i in range(4):
            tell(child, slice=f"slices/{i:04}.jpg")
        assert [said()["merged"] for _ in range(4)] == [1, 2, 3, 4]
        tell(child, look=True)
        shown = said()
        tell(child, end=True)
        child.stdin.close()
        done = said()["done"]
    grown = cv2.imdecode(np.frombuffer(base64.b64decode(shown["growing"]), np.uint8), cv2.IMREAD_COLOR)
    whole = cv2.imread(str(session / done["files"]["merged"]))
    factor = -(-max(whole.shape) // 800)
    assert (shown["slices"], done["slices"]) == (4, 4)
    small = cv2.resize(whole, grown.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert max(whole.shape[:2]) // factor - 2 <= max(grown.shape) <= 800
    assert cv2.PSNR(grown, small) > 30


def test_a_stack_becomes_a_folder_of_results(session):
    lines, code = followed(session, 4)
    assert code == 0
    assert all(line.pop("seconds") > 0 for line in lines[:-1])
    assert lines[:-1] == [{"merged": i + 1, "slice": f"slices/{i:04}.jpg", "doubt": ""} for i in range(4)]
    done = lines[-1]["done"]
    assert done["merge"] == 1
    assert done["files"] == {
        "merged": "merges/1/merged.jpg",
        "depth": "merges/1/depth.png",
        "confidence": "merges/1/confidence.png",
        "depth_preview": "merges/1/depth-preview.jpg",
    }
    assert done["slices"] == 4
    assert made(session) == ["1", *(f"1/{name}" for name in FILES)]
    facts = json.loads((session / "merges/1/merge.json").read_text())
    assert facts["files"] == [f"slices/{i:04}.jpg" for i in range(4)]
    for name, bits in (("merged.jpg", 8), ("depth.png", 16), ("confidence.png", 8)):
        assert photo_shape(session / "merges/1" / name) == Shape(facts["width_px"], facts["height_px"], bits)
    crop = facts["crop"]
    first = np.array(facts["slices"][0]["transform"])
    assert np.allclose(first, [[1, 0, crop["left"]], [0, 1, crop["top"]]])


def test_a_slice_that_cannot_be_read_is_named_with_what_to_do(session):
    (session / "slices/0002.jpg").write_bytes((session / "slices/0002.jpg").read_bytes()[:3000])
    lines, code = followed(session, 4)
    assert (code, made(session)) == (1, [])
    assert "slices/0002.jpg" in lines[-1]["error"]
    assert f"`focusctl merge {session.name} --skip-bad`" in lines[-1]["error"]


def test_a_slice_that_shows_nothing_is_named_with_what_to_do(session):
    black = np.zeros((300, 400, 3), np.uint8)
    (session / "slices/0002.jpg").write_bytes(simplejpeg.encode_jpeg(black, colorspace="BGR"))
    lines, code = followed(session, 4)
    assert (code, made(session)) == (1, [])
    assert "slices/0002.jpg shows nothing" in lines[-1]["error"]
    assert f"`focusctl merge {session.name} --skip-bad`" in lines[-1]["error"]


def test_a_second_merge_takes_the_next_number_and_leaves_the_first(session):
    followed(session, 2)
    before = (session / "merges/1/merged.jpg").read_bytes()
    (session / "merges/7").mkdir()
    lines, _ = followed(session, 3)
    assert lines[-1]["done"]["merge"] == 8
    assert (session / "merges/1/merged.jpg").read_bytes() == before


def test_what_a_killed_merge_left_is_cleared_away(session):
    (session / "merges/.4711.part").mkdir(parents=True)
    (session / "merges/.4711.part/merged.jpg").write_bytes(b"half")
    followed(session, 2)
    assert made(session) == ["1", *(f"1/{name}" for name in FILES)]


def test_a_torn_line_is_the_end_of_the_parent(session):
    with started(session) as child:
        child.stdin.write('{"slice": "slices/00')
        child.stdin.close()
        child.stdout.read()
        assert child.stderr.read() == ""
    assert child.returncode == 1


def test_a_slice_that_cannot_be_used_is_named_and_nothing_is_left(session):
    whole = (session / "slices/0001.jpg").read_bytes()
    (session / "slices/0001.jpg").write_bytes(whole[: len(whole) // 2])
    lines, code = followed(session, 3)
    assert code == 1
    assert list(lines[-1]) == ["error"]
    assert "0001.jpg" in lines[-1]["error"]
    assert not (session / "merges").exists()


def test_no_slice_at_all_is_an_error(session):
    lines, code = followed(session, 0)
    assert (lines, code) == ([{"error": "there is no slice to merge"}], 1)


def test_the_index_is_the_one_the_slice_is_named_by(session):
    followed(session, 3, first=3)
    facts = json.loads((session / "merges/1/merge.json").read_text())
    assert [one["index"] for one in facts["slices"]] == [3, 4, 5]


def test_when_the_parent_is_gone_nothing_is_left(session):
    with started(session) as child:
        tell(child, slice="slices/0000.jpg")
        assert json.loads(child.stdout.readline())["merged"] == 1
        tell(child, slice="slices/0001.jpg")
        child.stdin.close()
        child.stdout.read()
        assert child.stderr.read() == ""
    assert child.returncode == 1
    assert not (session / "merges").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_at_once_and_nothing_is_left(session, number, code):
    with started(session) as child:
        tell(child, slice="slices/0000.jpg")
        assert json.loads(child.stdout.readline())["merged"] == 1
        child.send_signal(number)
        child.stdout.read()
        assert child.stderr.read() == ""
    assert child.returncode == code
    assert not (session / "merges").exists()


ENDS_AS_IT_IS_TOLD_TO = """
import atexit, os, signal, sys
from stack.merge.follow import main
atexit.register(os.kill, os.getpid(), signal.SIGTERM)
sys.exit(main(["--session", sys.argv[1]]))
"""


def test_what_ends_already_says_nothing_when_it_is_told_to(session):
    """As by a daemon, which closes its stdin and then makes sure."""
    command = [sys.executable, "-c", ENDS_AS_IT_IS_TOLD_TO, str(session)]
    child = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (child.returncode, child.stderr) == (1, "")


PACKS_SLOWLY = """
import sys, threading
from stack.merge import products
encode = products.encode
def held(*what):
    if threading.current_thread() is not threading.main_thread():
        products.encode = encode
        print('{"packing": true}', flush=True)
        open(sys.argv[1]).read()  # until somebody has opened it to write, and closed it
    return encode(*what)
products.encode = held
"""
FOLLOWS = "from stack.merge.follow import main; sys.exit(main(['--session', sys.argv[2]]))"
COMMANDED = "from stack.merge.command import main; sys.exit(main([sys.argv[2], '--json']))"


@pytest.mark.parametrize("merges", [FOLLOWS, COMMANDED], ids=["follow", "command"])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=["Ctrl-C", "kill"]
)
def test_an_end_while_maps_are_packed_leaves_nothing_and_the_earlier_merge_whole(
    session, tmp_path_factory, merges, number, code
):
    (session / "session.json").write_text("{}")
    lines, _ = followed(session, 2)
    earlier = made(session)
    gate = tmp_path_factory.mktemp("gate") / "gate"
    os.mkfifo(gate)
    with packing_slowly(merges, gate, session) as child:
        for i in range(3):
            tell(child, slice=f"slices/{i:04}.jpg")
        tell(child, end=True)
        assert any('"packing"' in line for line in iter(child.stdout.readline, ""))
        with gate.open("w"):
            child.send_signal(number)
            if number == signal.SIGKILL:
                child.wait(30)
        child.stdout.read()
        assert child.stderr.read() == ""
    assert child.returncode == code
    assert made(session) == earlier
    for file, sha256 in lines[-1]["done"]["sha256"].items():
        assert hashlib.sha256((session / file).read_bytes()).hexdigest() == sha256
    again, _ = followed(session, 3)
    assert again[-1]["done"]["merge"] == 2
    assert made(session) == [*earlier, "2", *(f"2/{name}" for name in FILES)]


def packing_slowly(merges, gate, session):
    """Start a merge that says when it packs maps, and does not go on before `gate` was opened and closed."""
    return subprocess.Popen(
        [sys.executable, "-c", PACKS_SLOWLY + merges, str(gate), str(session)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="Linux only")
def test_it_steps_back_and_is_the_first_to_die(session):
    with started(session, "--nice", "12") as child:
        tell(child, slice="slices/0000.jpg")
        child.stdout.readline()
        assert os.getpriority(os.PRIO_PROCESS, child.pid) >= 12
        assert int(Path(f"/proc/{child.pid}/oom_score_adj").read_text()) == 900
        child.stdin.close()
        child.stdout.read()


def test_sixteen_bit_slices_also_give_a_tiff(session):
    for i, frame in enumerate(rig_stack().frames[:2]):
        cv2.imwrite(str(session / f"slices/{i:04}.png"), frame.astype(np.uint16) * 257)
    with started(session) as child:
        for i in range(2):
            tell(child, slice=f"slices/{i:04}.png")
        tell(child, end=True)
        child.stdout.read()
    assert child.returncode == 0
    assert read_photo(session / "merges/1/merged.tif").dtype == np.uint16
    assert read_photo(session / "merges/1/merged.jpg").dtype == np.uint8


def test_stuck_for_longer_than_it_may_it_is_ended_by_the_system(session):
    (session / "slices/0001.jpg").unlink()
    os.mkfifo(session / "slices/0001.jpg")  # whoever reads it waits for ever
    with started(session, "--timeout", "1") as child:
        tell(child, slice="slices/0000.jpg")
        tell(child, slice="slices/0001.jpg")
        assert len(child.stdout.readlines()) == 1
    assert child.returncode == -signal.SIGALRM
    assert not (session / "merges").exists()


def test_a_slice_left_out_is_told_and_the_rest_is_merged(session):
    (session / "slices/0001.jpg").write_bytes(b"torn")
    with started(session, "--skip-bad", "--method", "depthmap") as child:
        for i in range(4):
            tell(child, slice=f"slices/{i:04}.jpg")
        tell(child, end=True)
        child.stdin.close()
        lines = [json.loads(line) for line in child.stdout]
        child.stderr.read()
    assert "left out" in lines[1]["doubt"]
    assert lines[-1]["done"]["slices"] == 3
    facts = json.loads((session / "merges/1/merge.json").read_text())
    assert facts["settings"]["method"] == "depthmap"
    assert facts["skipped"][0]["index"] == 1
