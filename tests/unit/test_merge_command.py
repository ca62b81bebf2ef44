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

from stack.merge.arguments import parse
from stack.merge.command import main
from stack.merge.errors import OutputRefused
from stack.merge.output import check_place
from stack.merge.photos import read_photo
from stack.merge.targets import spare


def shot(folder, count=4, size=None):
    """Put the first frames of a stack into a folder, as the rig names them."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, frame in enumerate(rig_stack().frames[:count]):
        (folder / f"{i:04}.jpg").write_bytes(simplejpeg.encode_jpeg(frame, colorspace="BGR", quality=95))
    return folder


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_becomes_a_picture_a_depth_map_and_a_report(tmp_path, capsys):
    folder = shot(tmp_path / "in")
    (folder / "notes.txt").write_text("not a photograph")
    outputs = [tmp_path / "a.jpg", tmp_path / "d.png", tmp_path / "r.json"]
    argv = [str(folder), "-o", str(outputs[0]), "--depth", str(outputs[1]), "--report", str(outputs[2])]
    assert main(argv) == 0
    picture, depth = read_photo(outputs[0]), cv2.imread(str(outputs[1]), cv2.IMREAD_UNCHANGED)
    report = json.loads(outputs[2].read_text())
    assert depth.dtype == np.uint16
    assert depth.shape == picture.shape[:2] == (report["height_px"], report["width_px"])
    assert [one["name"] for one in report["slices"]] == ["0000.jpg", "0001.jpg", "0002.jpg", "0003.jpg"]
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[0] == "merged 1 of 4  0000.jpg"
    assert "from 4 slices" in said.err.splitlines()[-1]


def test_a_name_that_ends_a_line_is_told_on_one(tmp_path, capsys):
    folder = shot(tmp_path / "in", 2)
    (folder / "0001.jpg").rename(folder / "0001\n\x1b[2J.jpg")
    assert main([str(folder), "-o", str(tmp_path / "a.jpg")]) == 0
    assert capsys.readouterr().err.splitlines()[1] == r"merged 2 of 2  0001\n\x1b[2J.jpg"


def test_a_session_means_its_slices_and_json_is_said_line_by_line(tmp_path, capsys):
    shot(tmp_path / "session" / "slices", 5)
    (tmp_path / "session" / "session.json").write_text("{}")
    assert (
        main([str(tmp_path / "session"), "-o", str(tmp_path / "a.png"), "--slices", "1-2,4", "--json"]) == 0
    )
    said = capsys.readouterr()
    assert said.err == ""
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line.get("file") for line in lines[:-1]] == ["0001.jpg", "0002.jpg", "0004.jpg"]
    assert lines[-1]["event"] == "merge_done"
    assert lines[-1]["slices"] == 3


def test_files_are_taken_in_the_order_given(tmp_path, capsys):
    folder = shot(tmp_path / "in", 3)
    names = ["0002.jpg", "0001.jpg", "0000.jpg"]
    assert main([*(str(folder / name) for name in names), "-o", str(tmp_path / "a.png")]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[-1] for line in said if line.startswith("merged")] == names


def refused(capsys, argv):
    """Run, and give the one line it is refused with."""
    assert main([str(part) for part in argv]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[-1].startswith("focusctl merge: ")
    assert not any(line.startswith("focusctl merge: ") for line in lines[:-1])
    return lines[-1]


def test_no_photograph_or_one_alone_is_refused(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    assert "no photograph" in refused(capsys, [tmp_path / "in", "-o", tmp_path / "a.jpg"])
    shot(tmp_path / "in", 1)
    assert "0000.jpg" in refused(capsys, [tmp_path / "in", "-o", tmp_path / "a.jpg"])
    shot(tmp_path / "in", 3)
    words = ["--slices", "0-1", "--exclude", "0-1"]
    assert "none of its 3" in refused(capsys, [tmp_path / "in", "-o", tmp_path / "a.jpg", *words])
    assert "No such file" in refused(
        capsys, [tmp_path / "in" / "0000.jpg", tmp_path / "x.jpg", "-o", tmp_path / "a.jpg"]
    )
    assert files(tmp_path) == ["in"]


def test_sizes_that_differ_are_refused_with_names_and_sizes(tmp_path, capsys):
    folder = shot(tmp_path / "in", 2)
    cv2.imwrite(str(folder / "0002.png"), np.zeros((40, 60, 3), np.uint8))
    line = refused(capsys, [folder, "-o", tmp_path / "a.jpg"])
    assert "400x300, 8 bit: 0000.jpg, 0001.jpg" in line
    assert "60x40, 8 bit: 0002.png" in line


def test_bit_depths_that_differ_are_refused_with_names(tmp_path, capsys):
    folder = shot(tmp_path / "in", 2)
    cv2.imwrite(str(folder / "0002.png"), rig_stack().frames[2].astype(np.uint16) * 257)
    assert "400x300, 16 bit: 0002.png" in refused(capsys, [folder, "-o", tmp_path / "a.jpg"])


def test_a_torn_file_is_named_and_nothing_is_written(tmp_path, capsys):
    folder = shot(tmp_path / "in", 3)
    whole = (folder / "0002.jpg").read_bytes()
    (folder / "0002.jpg").write_bytes(whole[: len(whole) // 2])
    assert "0002.jpg" in refused(capsys, [folder, "-o", tmp_path / "a.jpg", "--depth", tmp_path / "d.png"])
    assert files(tmp_path) == ["in"]


def test_outputs_that_cannot_be_are_refused_before_any_work(tmp_path, capsys):
    folder = shot(tmp_path / "in", 2)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for output, word in [("a.gif", "no format"), ("none/a.jpg", "No such file"), ("in", "no format")]:
        line = refused(capsys, [folder, "-o", tmp_path / output])
        assert word in line
    assert "overwritten" in refused(capsys, [folder, "-o", folder / "0001.jpg"])
    assert "overwritten" in refused(
        capsys, [folder, "-o", tmp_path / "a.jpg", "--report", folder / "0000.jpg"]
    )
    (tmp_path / "link.jpg").symlink_to(folder / "0001.jpg")
    assert "overwritten" in refused(capsys, [folder, "-o", tmp_path / "link.jpg"])
    assert "name it .png" in refused(
        capsys, [folder, "-o", tmp_path / "a.jpg", "--depth", tmp_path / "d.jpg"]
    )
    assert "two outputs" in refused(capsys, [folder, "-o", tmp_path / "a.png", "--depth", tmp_path / "a.png"])
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert not (tmp_path / "a.jpg").exists()


def test_a_picture_too_long_for_its_format_is_refused_before_any_work(tmp_path, capsys, monkeypatch):
    folder = shot(tmp_path / "in")
    monkeypatch.setattr("stack.merge.output.LONGEST_JPEG_PX", 100)
    assert "at most 100 a side: name it .png or .tif" in refused(
        capsys, [folder, "-o", tmp_path / "a.jpg", "--depth", tmp_path / "d.png"]
    )
    assert files(tmp_path) == ["in"]


def test_no_account_is_left_of_a_picture_that_could_not_be_written(tmp_path, capsys, monkeypatch):
    folder = shot(tmp_path / "in", 2)

    def full(path, pixels, tags, quality):
        raise OutputRefused(path, "cannot be written: No space left on device")

    monkeypatch.setattr("stack.merge.command.write_picture", full)
    assert "No space left" in refused(capsys, [folder, "-o", tmp_path / "a.png"])
    assert files(tmp_path) == ["in"]


def test_a_link_is_replaced_by_the_picture_and_what_it_led_to_stays(tmp_path):
    folder = shot(tmp_path / "in", 2)
    (tmp_path / "target.png").write_bytes(b"another merge")
    (tmp_path / "link.png").symlink_to("target.png")
    assert main([str(folder), "-o", str(tmp_path / "link.png")]) == 0
    assert not (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "target.png").read_bytes() == b"another merge"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_what_was_merged_into_the_folder_before_is_no_slice(tmp_path, capsys, suffix):
    folder = shot(tmp_path / "in")
    outputs = [folder / f"merged{suffix}", folder / "depth.png", folder / "sure.tif", folder / "colours.jpg"]
    named = zip(("-o", "--depth", "--confidence", "--depth-preview"), map(str, outputs), strict=True)
    argv = [str(folder), "--keep-borders", *(word for pair in named for word in pair)]
    assert main(argv) == 0
    first = outputs[0].read_bytes()
    capsys.readouterr()
    assert main(argv) == 0
    said = capsys.readouterr().err.splitlines()
    assert "passed over" in said[0]
    assert all(path.name in said[0] for path in outputs)
    assert said[1] == "merged 1 of 4  0000.jpg"
    assert outputs[0].read_bytes() == first


def test_pictures_merged_before_may_be_merged_where_there_is_nothing_else(tmp_path, capsys):
    slabs = tmp_path / "slabs"
    slabs.mkdir()
    folder = shot(tmp_path / "in")
    assert main([str(folder), "-o", str(slabs / "a.tif"), "--slab", "2"]) == 0
    (slabs / "a.tif").unlink()
    assert main([str(slabs), "-o", str(tmp_path / "b.tif")]) == 0
    assert "from 2 slices" in capsys.readouterr().err.splitlines()[-1]


def test_a_photograph_left_out_by_slices_is_still_an_input(tmp_path, capsys):
    folder = shot(tmp_path / "in", 4)
    argv = [folder, "-o", folder / "0003.jpg", "--slices", "0-2"]
    assert "overwritten" in refused(capsys, argv)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_takes_no_files_is_refused(tmp_path, capsys):
    folder = shot(tmp_path / "in", 2)
    (tmp_path / "shut").mkdir(mode=0o500)
    assert "cannot be written" in refused(capsys, [folder, "-o", tmp_path / "shut" / "a.jpg"])


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["in", "--compare", "42", "1", "2"],
        ["--compare", "42", "1", "-o", "a.png"],
        ["--compare", "42", "1", "2"],
        ["--choose", "42", "x"],
        ["in", "-o", "a.jpg", "--overlap", "3"],
        ["in", "-o", "a.jpg", "--slab", "10", "--overlap", "10"],
        ["in", "-o", "a.jpg", "--scheduler", "tcp://x:1"],
        ["in", "-o", "a.jpg", "--method", "best"],
        ["in", "-o", "a.jpg", "--slices", "5-2"],
        ["in", "-o", "a.jpg", "--slices", "x"],
        ["in", "-o", "a.jpg", "--slices", "٣"],
        ["in", "-o", "a.jpg", "--quality", "101"],
    ],
)
def test_what_cannot_be_understood_is_a_matter_of_usage(capsys, wrong):
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("dropped", "words"),
    [
        (["in", "-o", "a.jpg", "--bits", "16"], "a JPEG has 8 bits: name the picture .png or .tif"),
        (["in", "-o", "A.JPEG", "--bits", "16"], "a JPEG has 8 bits"),
        (["in", "-o", "a.jpg", "--no-align", "--use-transforms", "t.json"], "leave out one"),
        (["--batch", "in", "-o", "a.jpg"], "--batch puts each picture into its session; leave out -o"),
        (["--choose", "42", "1", "-o", "a.jpg"], "--choose merges nothing, so --output would not be heeded"),
        (["--choose", "42", "1", "--slices", "3"], "so --slices would not be heeded"),
        (["--choose", "42", "1", "--no-align"], "so --no-align would not be heeded"),
        (["--choose", "42", "1", "--near-first"], "so --near-first would not be heeded"),
        (["--compare", "42", "1", "2", "-o", "a.jpg", "--depth", "d.png"], "so --depth would not be heeded"),
        (["--compare", "42", "1", "2", "-o", "a.jpg", "--um-per-px", "2"], "so --um-per-px would not be"),
        (["in", "-o", "a.jpg", "--memory", "250"], "250 without a unit is 250 bytes, and no merge fits"),
        (["in", "-o", "a.jpg", "--memory", "1.5"], "write 1.5M for megabytes, or 1.5G for gigabytes"),
    ],
)
def test_nothing_that_was_asked_for_is_dropped_silently(capsys, dropped, words):
    with pytest.raises(SystemExit) as ended:
        main(dropped)
    assert (ended.value.code, words in " ".join(capsys.readouterr().err.split())) == (2, True)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_leaves_nothing(tmp_path, ending):
    folder = shot(tmp_path / "in", 10)
    names = [str(folder / f"{i:04}.jpg") for i in range(200)]
    for i in range(10, 200):
        os.link(names[i % 10], names[i])
    before = signal.signal(ending, print)  # what is ignored, as under nohup, a child would ignore too
    child = subprocess.Popen(
        [sys.executable, "-m", "stack.merge", *names, "-o", str(tmp_path / "a.jpg"), "--no-align"],
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(ending, before)
    with child:
        assert child.stderr.readline().startswith("merged 1 of 200")
        child.send_signal(ending)
        rest = child.stderr.read()
    assert child.returncode == 130
    assert "Traceback" not in rest
    assert files(tmp_path) == ["in"]


@pytest.mark.parametrize("program", ["focusd.focusctl", "stack.merge"])
def test_interrupted_while_it_loads_it_says_nothing(tmp_path, program):
    (tmp_path / "numpy.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    start = "import sys; from focusd.focusctl import main; sys.exit(main())"
    command = ["-m", program] if program == "stack.merge" else ["-c", start, "merge"]
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, *command, "in", "-o", "a.jpg"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_what_is_not_there_is_not_taken_for_one_photograph(tmp_path, capsys):
    assert "No such file" in refused(capsys, [tmp_path / "nowhere", "-o", tmp_path / "a.jpg"])


def test_pictures_too_small_to_judge_are_refused(tmp_path, capsys):
    for name in ("0.png", "1.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((1, 1, 3), np.uint8))
    assert "1x1" in refused(capsys, [tmp_path, "-o", tmp_path / "a.jpg"])


@pytest.mark.parametrize("size", [(16, 656), (656, 16)])
def test_strips_too_long_to_judge_are_refused(tmp_path, capsys, size):
    for name in ("0.png", "1.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((*size, 3), np.uint8))
    assert "more than 40 times as long as wide" in refused(capsys, [tmp_path, "-o", tmp_path / "a.jpg"])


def test_a_device_is_never_replaced_by_a_file(tmp_path, capsys):
    device = tmp_path / "report.json"
    os.mkfifo(device)
    folder = shot(tmp_path / "in", 2)
    argv = [folder, "-o", tmp_path / "a.jpg", "--report", device]
    assert "not a file" in refused(capsys, argv)
    assert device.is_fifo()
    assert not (tmp_path / "a.jpg").exists()


def test_a_damaged_file_is_described_for_people(tmp_path, capsys):
    folder = shot(tmp_path / "in", 2)
    cv2.imwrite(str(folder / "0002.tif"), np.zeros((90, 90, 3), np.uint8))
    whole = (folder / "0002.tif").read_bytes()
    (folder / "0002.tif").write_bytes(whole[: len(whole) // 2])
    assert "0002.tif: the file is cut short or damaged. " in refused(
        capsys, [folder, "-o", tmp_path / "a.jpg"]
    )
    (folder / "0002.tif").write_bytes(b"")
    assert "0002.tif: the file is empty. " in refused(capsys, [folder, "-o", tmp_path / "a.jpg"])


def test_all_about_a_merge_is_written_beside_its_picture_unless_told_where(tmp_path, capsys):
    folder = shot(tmp_path / "in")
    assert main([str(folder), "-o", str(tmp_path / "a.jpg")]) == 0
    assert files(tmp_path) == ["a.jpg", "a.jpg.merge.json", "in"]
    again = [
        str(folder),
        "-o",
        str(tmp_path / "b.jpg"),
        "--use-transforms",
        str(tmp_path / "a.jpg.merge.json"),
    ]
    assert main([*again, "--report", str(tmp_path / "r.json")]) == 0
    assert files(tmp_path) == ["a.jpg", "a.jpg.merge.json", "b.jpg", "in", "r.json"]


def test_pictures_of_one_name_and_two_kinds_each_have_their_own_account(tmp_path):
    folder = shot(tmp_path / "in")
    for suffix in (".jpg", ".tif"):
        assert main([str(folder), "-o", str(tmp_path / f"a{suffix}")]) == 0
    assert files(tmp_path) == ["a.jpg", "a.jpg.merge.json", "a.tif", "a.tif.merge.json", "in"]


@pytest.mark.parametrize("words", [("--slices", "1-4"), ("--exclude", "1,4")])
def test_a_number_that_no_slice_has_is_told(tmp_path, capsys, words):
    said = refused(capsys, [shot(tmp_path / "in"), "-o", tmp_path / "a.jpg", *words])
    assert "there is no slice 4: those found are numbered 0 to 3" in said
    session = tmp_path / "session"
    session.mkdir()
    (session / "session.json").write_text("{}")
    (tmp_path / "in").rename(session / "slices")
    assert "there is no slice 4: those found are numbered 0 to 3" in refused(capsys, [session, *words])


def test_a_photograph_given_twice_is_no_second_slice(tmp_path, capsys):
    folder = shot(tmp_path / "in")
    argv = [folder, folder / ".." / "in" / "0001.jpg", "-o", tmp_path / "a.jpg"]
    assert f"given twice: {folder / '0001.jpg'}" in refused(capsys, argv)


def test_two_kinds_of_one_shot_are_told(tmp_path, capsys):
    folder = shot(tmp_path / "in")
    cv2.imwrite(str(folder / "0001.tif"), rig_stack().frames[1])
    said = refused(capsys, [folder, "-o", tmp_path / "a.jpg"])
    assert "0001.jpg and 0001.tif are one shot twice" in said


def test_a_raw_file_is_a_slice_though_a_merge_has_its_name(tmp_path, capsys):
    folder = shot(tmp_path / "in")
    assert main([str(folder), "-o", str(folder / "0009.tif")]) == 0
    (folder / "0009.dng").write_bytes(b"raw")
    assert "0009.dng" in refused(capsys, [folder, "-o", tmp_path / "a.jpg"])


@pytest.mark.parametrize(
    ("victim", "words"),
    [
        ("a-0000-0001.jpg", ("--slab", "2")),
        ("aligned-0001.tif", ("--export-aligned", ".")),
    ],
)
def test_nothing_that_is_named_for_something_else_is_written_over(
    tmp_path, monkeypatch, capsys, victim, words
):
    monkeypatch.chdir(tmp_path)
    photos = sorted(shot(tmp_path / "in").iterdir())
    assert "would overwrite it" in refused(capsys, [*photos, "-o", "a.jpg", *words, "--report", victim])
    photos[1].rename(tmp_path / victim)
    photos[1] = tmp_path / victim
    before = photos[1].read_bytes()
    said = refused(capsys, [*photos, "-o", "a.jpg", *words])
    assert "would overwrite it" in said or "holds the photographs" in said
    assert photos[1].read_bytes() == before


def test_slabs_and_aligned_slices_may_become_the_picture_that_they_were_made_beside():
    made = [Path("a-0000-0001.jpg"), Path("aligned-0002.tif")]
    spare(parse([*map(str, made), "-o", "a.jpg"]), [Path("a.jpg")], made)


def test_aligned_slices_never_lie_among_some_of_the_photographs():
    photos = [Path("one/0000.jpg"), Path("two/0000.jpg")]
    with pytest.raises(OutputRefused, match="holds the photographs"):
        spare(parse([*map(str, photos), "-o", "a.jpg", "--export-aligned", "two"]), [Path("a.jpg")], photos)


@pytest.mark.parametrize("output", [".", "..", "/"])
def test_a_folder_is_no_name_for_a_picture(tmp_path, capsys, output):
    assert "no format" in refused(capsys, [shot(tmp_path / "in", 2), "-o", output])


def test_nothing_among_the_systems_devices_is_replaced(capsys):
    with pytest.raises(OutputRefused, match="among the system's devices"):
        check_place(Path("/dev/stdout.focusrail"))
    assert not Path("/dev/stdout.focusrail").exists()


def test_slices_of_a_session_keep_their_numbers_where_one_is_missing(tmp_path):
    slices = shot(tmp_path / "session" / "slices", 5)
    (tmp_path / "session" / "session.json").write_text("{}")
    (slices / "0001.jpg").unlink()
    for words in (
        [],
        ["-o", str(tmp_path / "a.png"), "--report", str(tmp_path / "session/merges/1/merge.json")],
    ):
        assert main([str(tmp_path / "session"), *words, "--exclude", "3"]) == 0
        facts = json.loads((tmp_path / "session/merges/1/merge.json").read_text())
        assert [(one["index"], one["name"][-8:]) for one in facts["slices"]] == [
            (0, "0000.jpg"),
            (2, "0002.jpg"),
            (4, "0004.jpg"),
        ]


def test_a_folder_of_other_kinds_is_told_by_its_kinds(tmp_path, capsys):
    for name in ("a.HEIC", "b.heic", "c.txt"):
        (tmp_path / name).write_text("something")
    said = refused(capsys, [tmp_path, "-o", tmp_path / "a.jpg"])
    assert "there: 2 .heic, 1 .txt; JPEG, PNG, TIFF and raw files are" in said


def test_a_kind_that_is_not_read_is_not_called_damaged(tmp_path, capsys):
    folder = shot(tmp_path / "in", 2)
    (folder / "0002.tif").write_bytes(b"II+\0" + bytes(60))
    said = refused(capsys, [folder, "-o", tmp_path / "a.jpg"])
    assert "0002.tif: it is a BigTIFF" in said
    assert "damaged" not in said
