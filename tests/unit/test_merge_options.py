"""What the command can be told beyond the picture, end to end on files."""

import json

import cv2
import numpy as np
import piexif
import pytest
import simplejpeg
from merge_stacks import rig_stack
from rendered import psnr
from test_merge_veil import plate, rim

from stack.merge import merging, stream
from stack.merge.command import main
from stack.merge.coverage import Coverage
from stack.merge.depthview import LEGEND_PX, coloured, upright
from stack.merge.errors import TransformsUnreadable
from stack.merge.output import encode, write_picture
from stack.merge.photos import read_photo
from stack.merge.placements import placements_in
from stack.merge.tags import Tags, is_merge, map_tags, orientation_of, read_tags
from stack.merge.versions import CHOSEN, scales_of

COUNT = 4


@pytest.fixture
def folder(tmp_path):
    where = tmp_path / "in"
    where.mkdir()
    for i, frame in enumerate(rig_stack().frames[:COUNT]):
        (where / f"{i:04}.jpg").write_bytes(simplejpeg.encode_jpeg(frame, colorspace="BGR", quality=95))
    return where


def sixteen(where):
    where.mkdir()
    for i, frame in enumerate(rig_stack().frames[:3]):
        cv2.imwrite(str(where / f"{i:04}.tif"), frame.astype(np.uint16) * 257 + 40 * i)
    return where


def merge(*argv):
    assert main([str(word) for word in argv]) == 0


def refused(capsys, *argv):
    assert main([str(word) for word in argv]) == 1
    return capsys.readouterr().err.splitlines()[-1]


def test_slices_left_out_are_not_merged(folder, tmp_path):
    merge(folder, "-o", tmp_path / "a.jpg", "--exclude", "1", "--report", tmp_path / "r.json")
    facts = json.loads((tmp_path / "r.json").read_text())
    assert [one["index"] for one in facts["slices"]] == [0, 2, 3]


def test_sixteen_bits_go_all_the_way(tmp_path):
    where = sixteen(tmp_path / "in")
    for suffix in ("tif", "png"):
        merge(where, "-o", tmp_path / f"a.{suffix}")
        picture = read_photo(tmp_path / f"a.{suffix}")
        assert picture.dtype == np.uint16
        assert len(np.unique(picture & 0xFF)) > 200  # the lower byte is no copy of the upper one


def test_eight_bit_slices_may_give_sixteen_and_the_other_way_round(folder, tmp_path):
    merge(folder, "-o", tmp_path / "a.png", "--bits", "16")
    assert read_photo(tmp_path / "a.png").dtype == np.uint16
    merge(sixteen(tmp_path / "deep"), "-o", tmp_path / "b.png", "--bits", "8")
    assert read_photo(tmp_path / "b.png").dtype == np.uint8


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_the_picture_says_how_it_was_made(folder, tmp_path, suffix):
    merge(folder, "-o", tmp_path / f"a{suffix}", "--method", "pyramid")
    tags = piexif.load(read_tags(tmp_path / f"a{suffix}").exif)
    assert tags["0th"][piexif.ImageIFD.ImageDescription] == b"merged from 4 slices by the pyramid method"
    how = json.loads(tags["Exif"][piexif.ExifIFD.UserComment].removeprefix(b"ASCII\0\0\0"))
    assert how["method"] == "pyramid"
    assert how["slices"] == COUNT


def test_transforms_kept_and_used_again_give_the_same_picture(folder, tmp_path):
    merge(folder, "-o", tmp_path / "a.png", "--save-transforms", tmp_path / "t.json")
    merge(folder, "-o", tmp_path / "b.png", "--use-transforms", tmp_path / "t.json")
    assert np.abs(read_photo(tmp_path / "a.png").astype(int) - read_photo(tmp_path / "b.png")).max() <= 1


def test_transforms_for_other_slices_are_refused(folder, tmp_path, capsys):
    argv = [folder, "-o", tmp_path / "b.png", "--use-transforms", tmp_path / "t.json"]
    assert "t.json" in refused(capsys, *argv)
    (tmp_path / "t.json").write_text("{}")
    assert "--save-transforms writes ('crop' is missing)" in refused(capsys, *argv)
    (tmp_path / "t.json").write_bytes((folder / "0000.jpg").read_bytes())
    assert len(refused(capsys, *argv)) < 400
    merge(folder, "-o", tmp_path / "a.png", "--save-transforms", tmp_path / "t.json", "--slices", "0-2")
    assert "say nothing of slice 3" in refused(capsys, *argv)
    facts = json.loads((tmp_path / "t.json").read_text())
    facts["slice_size"]["width"] = 800
    (tmp_path / "t.json").write_text(json.dumps(facts))
    assert "is for slices of 800x300; these are 400x300" in refused(capsys, *argv)
    facts["slices"][1]["transform"] = [[1, 0, 0], [0, 2, 0]]
    (tmp_path / "t.json").write_text(json.dumps(facts))
    assert "no similarity" in refused(capsys, *argv)


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ({"crop": {"left": float("nan"), "top": 0}}, "NaN"),
        ({"crop": {"left": 0, "top": float("inf")}}, "infinity"),
        (
            {"slices": [{"index": float("inf"), "transform": [[1, 0, 0], [0, 1, 0]], "gains": [1, 1, 1]}]},
            "infinity",
        ),
        (
            {"slices": [{"index": 0, "transform": [[1, 0, 0], [0, 1, 0]], "gains": [1, float("nan"), 1]}]},
            "gains",
        ),
        ({"slices": [{"index": 0, "transform": [[1, 0, 0], [0, 1, 0]], "gains": [1e9, 1, 1]}]}, "gains"),
        ({"slice_size": {"width": "wide", "height": 300}}, "wide"),
    ],
)
def test_transforms_that_are_out_of_bounds_are_refused(tmp_path, part, wrong):
    facts = {"crop": {"left": 0, "top": 0}, "slice_size": {"width": 400, "height": 300}, "slices": []}
    (tmp_path / "t.json").write_text(json.dumps(facts))
    assert placements_in(tmp_path / "t.json") == ((400, 300), {})
    (tmp_path / "t.json").write_text(json.dumps(facts | part))
    with pytest.raises(TransformsUnreadable, match=wrong):
        placements_in(tmp_path / "t.json")


def test_transforms_nested_without_end_are_refused(tmp_path):
    (tmp_path / "t.json").write_text("[" * 100_000)
    with pytest.raises(TransformsUnreadable, match="it is no JSON"):
        placements_in(tmp_path / "t.json")


def test_light_that_is_to_be_left_alone_is_so_with_transforms_too(folder, tmp_path):
    merge(folder, "-o", tmp_path / "a.png", "--save-transforms", tmp_path / "t.json")
    merge(folder, "-o", tmp_path / "b.png", "--use-transforms", tmp_path / "t.json", "--no-even-light")
    facts = [json.loads((tmp_path / f"{name}.png.merge.json").read_text()) for name in "ab"]
    assert facts[0]["slices"][2]["gains"] != [1, 1, 1]
    assert [one["gains"] for one in facts[1]["slices"]] == [[1, 1, 1]] * COUNT


def test_aligned_slices_and_slabs_are_files_of_one_size(folder, tmp_path):
    where = tmp_path / "aligned"
    merge(folder, "-o", tmp_path / "a.png", "--export-aligned", where, "--slab", "3", "--overlap", "2")
    size = read_photo(tmp_path / "a.png").shape
    laid = [read_photo(where / f"aligned-{i:04}.tif") for i in range(COUNT)]
    assert all(one.dtype == np.uint16 and one.shape == size for one in laid)
    slabs = sorted(path.name for path in tmp_path.glob("a-*.png"))
    assert slabs == ["a-0000-0002.png", "a-0001-0003.png"]
    assert all(read_photo(tmp_path / name).shape == size for name in slabs)


def test_a_slab_says_which_slices_it_is_of(folder, tmp_path):
    merge(folder, "-o", tmp_path / "a.jpg", "--slab", "2", "--exclude", "1")
    said = {
        path.stem: piexif.load(str(path)) for path in (tmp_path / "a.jpg", *sorted(tmp_path.glob("a-*.jpg")))
    }
    how = {name: json.loads(tags["Exif"][piexif.ExifIFD.UserComment][8:]) for name, tags in said.items()}
    assert {name: tags["0th"][piexif.ImageIFD.ImageDescription] for name, tags in said.items()} == {
        "a": b"merged from 3 slices by the weighted method",
        "a-0000-0002": b"merged from 2 slices by the weighted method",
        "a-0003-0003": b"merged from 1 slice by the weighted method",
    }
    assert [(one["first"], one["last"]) for one in how.values()] == [(0, 3), (0, 2), (3, 3)]


def test_aligned_slices_never_lie_among_the_photographs(folder, tmp_path, capsys):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    said = refused(capsys, folder, "-o", tmp_path / "a.png", "--export-aligned", folder)
    assert "holds the photographs" in said
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_depth_confidence_and_colours(folder, tmp_path):
    out = {what: tmp_path / f"{what}.png" for what in ("depth", "confidence", "depth-preview")}
    words = [word for what, path in out.items() for word in (f"--{what}", path)]
    merge(folder, "-o", tmp_path / "a.png", *words, "--um-per-slice", "20", "--report", tmp_path / "r.json")
    height, width = read_photo(tmp_path / "a.png").shape[:2]
    depth, confidence, preview = (
        cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (out[what] for what in out)
    )
    assert depth.dtype == np.uint16
    assert confidence.dtype == np.uint8
    assert depth.shape == confidence.shape == (height, width)
    assert preview.shape[1] == width
    assert preview.shape[0] > height
    assert json.loads((tmp_path / "r.json").read_text())["depth"]["um_per_slice"] == 20


def test_maps_of_depth_say_what_they_are_and_how_deep_a_slice_is(folder, session, tmp_path):
    merge(session)
    merge(session / "slices", "-o", tmp_path / "a.jpg", "--depth", tmp_path / "d.png")
    maps = (
        tmp_path / "d.png",
        *(session / name for name in ("depth.png", "confidence.png", "depth-preview.jpg")),
    )
    said = [piexif.load(read_tags(path).exif)["0th"][piexif.ImageIFD.ImageDescription] for path in maps]
    assert said == [
        b"depth map of a merge: 1 + 128 x slice, 0 unknown",
        b"depth map of a merge: 1 + 128 x slice, 0 unknown; 20 um a slice",
        b"confidence of a merge's depth map: 0 to 255",
        b"depth map of a merge, in colours",
    ]
    assert all(is_merge(path) for path in maps)


@pytest.mark.parametrize("orientation", [3, 6])
def test_what_is_made_beside_the_picture_lies_over_it_in_a_viewer(folder, tmp_path, orientation):
    for i in range(COUNT):
        path = folder / f"{i:04}.jpg"
        said = piexif.dump({"0th": {piexif.ImageIFD.Orientation: orientation if i == 0 else 1}})
        write_picture(path, read_photo(path), Tags(said), 95)
    outputs = {what: tmp_path / f"{what}.png" for what in ("depth", "confidence", "depth-preview")}
    words = [word for what, path in outputs.items() for word in (f"--{what}", path)]
    aligned, picture = tmp_path / "aligned", tmp_path / "a.tif"
    merge(folder, "-o", picture, *words, "--export-aligned", aligned, "--slab", "2", "--exclude", "3")
    alike = [picture, outputs["depth"], outputs["confidence"], *aligned.iterdir(), *tmp_path.glob("a-*.tif")]
    assert [orientation_of(read_tags(path)) for path in alike] == [orientation] * 8
    assert orientation_of(read_tags(outputs["depth-preview"])) == 1
    depth, confidence = (
        as_viewed(cv2.imread(str(outputs[what]), cv2.IMREAD_UNCHANGED), orientation)
        for what in ("depth", "confidence")
    )
    assert (cv2.imread(str(outputs["depth-preview"])) == coloured(depth, confidence)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_plane_is_turned_as_a_viewer_turns_it(orientation):
    plane = np.arange(48, dtype=np.uint16).reshape(6, 8)
    assert (upright(plane, orientation) == as_viewed(plane, orientation)).all()


def as_viewed(pixels, orientation):
    """Turn as OpenCV does when it reads what says so."""
    data = encode(pixels, ".png", map_tags("", orientation), 95)
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH)


def test_aligned_slices_of_a_photograph_whose_exif_is_broken(folder, tmp_path):
    write_picture(folder / "0001.jpg", read_photo(folder / "0001.jpg"), Tags(b"Exif\0\0II*\0" + bytes(9)), 95)
    merge(folder, "-o", tmp_path / "a.png", "--export-aligned", tmp_path / "aligned")
    assert len(list((tmp_path / "aligned").iterdir())) == COUNT


def test_a_preview_of_the_smallest_pictures(folder, tmp_path):
    for path in folder.iterdir():
        cv2.imwrite(str(path), read_photo(path)[100:116, 100:116])
    merge(
        folder,
        "-o",
        tmp_path / "a.png",
        "--no-align",
        "--depth-preview",
        tmp_path / "p.png",
        "--um-per-px",
        "2",
    )
    assert read_photo(tmp_path / "p.png").shape == (16 + LEGEND_PX, 16, 3)


def test_the_front_may_win_whichever_end_was_shot_first(folder, tmp_path):
    merge(folder, "-o", tmp_path / "a.png", "--front-wins", "--far-first", "--report", tmp_path / "r.json")
    facts = json.loads((tmp_path / "r.json").read_text())
    assert [one["index"] for one in facts["slices"]] == [3, 2, 1, 0]
    assert facts["settings"]["front_wins"]


@pytest.mark.parametrize("seen", [True, False, None])
@pytest.mark.parametrize(
    ("told", "is_so"), [((), None), (("--near-first",), True), (("--far-first",), False)]
)
def test_which_end_is_near_is_as_told_else_as_seen(folder, tmp_path, monkeypatch, seen, told, is_so):
    monkeypatch.setattr(merging, "far_first", lambda merged: seen)
    merge(folder, "-o", tmp_path / "a.png", *told, "--report", tmp_path / "r.json")
    facts = json.loads((tmp_path / "r.json").read_text())
    assert facts["near_first"] == (not seen if is_so is None else is_so)
    said = [words for words in facts["warnings"] if "--near-first" in words]
    assert len(said) == bool(is_so is None and seen)


@pytest.mark.parametrize(
    ("seen", "ends"),
    [(None, ["first", "last"]), (False, ["nearest", "farthest"]), (True, ["nearest", "farthest"])],
)
def test_ends_are_called_near_and_far_only_where_that_is_known(folder, tmp_path, monkeypatch, seen, ends):
    monkeypatch.setattr(merging, "far_first", lambda merged: seen)
    monkeypatch.setattr(stream, "coverage", lambda peaks, indices: Coverage(0.2, 0.3, (), 0.9))
    merge(folder, "-o", tmp_path / "a.png", "--report", tmp_path / "r.json")
    told = json.loads((tmp_path / "r.json").read_text())["warnings"][:2]
    assert [words.split()[1] for words in told] == ends


def test_a_first_slice_of_nothing_is_named_and_may_be_left_out(folder, tmp_path, capsys):
    cv2.imwrite(str(folder / "0000.jpg"), np.zeros((300, 400, 3), np.uint8))
    assert "0000.jpg shows nothing" in refused(capsys, folder, "-o", tmp_path / "a.jpg")
    merge(folder, "-o", tmp_path / "a.jpg", "--skip-bad", "--report", tmp_path / "r.json")
    facts = json.loads((tmp_path / "r.json").read_text())
    assert [one["index"] for one in facts["slices"]] == [1, 2, 3]
    assert [one["name"] for one in facts["skipped"]] == ["0000.jpg"]


@pytest.mark.parametrize("how", [(), ("--no-align",)])
@pytest.mark.parametrize("level", [0, 255])
def test_a_slice_of_nothing_is_never_merged_and_how_to_leave_it_out_is_said(
    folder, tmp_path, capsys, level, how
):
    cv2.imwrite(str(folder / "0002.jpg"), np.full((300, 400, 3), level, np.uint8))
    said = refused(capsys, folder, "-o", tmp_path / "a.jpg", *how, "--slices", "1-3")
    assert "0002.jpg shows nothing: it is black, white or even all over" in said
    assert "--exclude 2," in said
    assert "--skip-bad" in said
    merge(folder, "-o", tmp_path / "a.jpg", *how, "--skip-bad", "--report", tmp_path / "r.json")
    skipped = json.loads((tmp_path / "r.json").read_text())["skipped"]
    assert [(one["name"], one["reason"].split(":")[0]) for one in skipped] == [("0002.jpg", "shows nothing")]


def test_what_veils_what_is_known_whichever_end_was_shot_first(tmp_path):
    stack = plate()
    made = {}
    for name, frames, words in (
        ("near", stack.frames, ()),
        ("far", stack.frames[::-1], ("--far-first",)),
        ("untold", stack.frames[::-1], ()),
        ("mistold", stack.frames[::-1], ("--near-first",)),
    ):
        folder = tmp_path / name
        folder.mkdir()
        for index, frame in enumerate(frames):
            cv2.imwrite(str(folder / f"{index:04d}.png"), frame)
        merge(folder, "-o", tmp_path / f"{name}.png", "--no-align", "--no-even-light", *words)
        made[name] = psnr(read_photo(tmp_path / f"{name}.png"), stack.truth, rim(stack))
    assert made["far"] == pytest.approx(made["near"], abs=0.3)
    assert made["untold"] == pytest.approx(made["near"], abs=0.3)
    assert made["mistold"] < made["near"] - 1.5


def test_a_rig_that_was_touched_is_told_and_the_picture_whole(folder, tmp_path):
    by = np.array([[1, 0, 30], [0, 1, -12]], float)
    for name in ("0002.jpg", "0003.jpg"):
        frame = cv2.imread(str(folder / name))
        cv2.imwrite(str(folder / name), cv2.warpAffine(frame, by, (frame.shape[1], frame.shape[0])))
    merge(folder, "-o", tmp_path / "a.png", "--report", tmp_path / "r.json")
    facts = json.loads((tmp_path / "r.json").read_text())
    assert [warning.split()[0] for warning in facts["warnings"] if "touched" in warning] == ["0002.jpg"]
    moved = facts["slices"][2]["moved"]
    assert (moved["right_px"], moved["down_px"]) == pytest.approx((30, -12), abs=3)
    assert all(0 < one["unsure_px"] < 0.2 for one in facts["slices"][1:])


def test_one_corrupt_slice_is_an_error_or_left_out_when_told(folder, tmp_path, capsys):
    whole = (folder / "0002.jpg").read_bytes()
    (folder / "0002.jpg").write_bytes(whole[: len(whole) // 2])
    assert "0002.jpg" in refused(capsys, folder, "-o", tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()
    merge(folder, "-o", tmp_path / "a.jpg", "--skip-bad", "--report", tmp_path / "r.json")
    facts = json.loads((tmp_path / "r.json").read_text())
    assert [one["index"] for one in facts["slices"]] == [0, 1, 3]
    assert facts["skipped"][0]["name"] == "0002.jpg"
    assert any("0002.jpg was left out" in warning for warning in facts["warnings"])
    said = capsys.readouterr().err
    assert said.count("0002.jpg was left out: the file is cut short") == 1
    assert "left out: 1 of 4 slices" in said


def test_a_slice_of_another_size_is_left_out_when_told(folder, tmp_path):
    cv2.imwrite(str(folder / "0009.png"), np.zeros((40, 60, 3), np.uint8))
    merge(folder, "-o", tmp_path / "a.jpg", "--skip-bad", "--report", tmp_path / "r.json")
    assert [one["name"] for one in json.loads((tmp_path / "r.json").read_text())["skipped"]] == ["0009.png"]


def test_a_raw_file_counts_only_where_it_is_all_there_is(folder, tmp_path, capsys):
    (folder / "0000.dng").write_bytes(b"raw")
    merge(folder, "-o", tmp_path / "a.jpg")
    (folder / "0009.dng").write_bytes(b"raw")
    assert "0009.dng" in refused(capsys, folder, "-o", tmp_path / "a.jpg")


@pytest.fixture
def session(folder, tmp_path):
    where = tmp_path / "session"
    where.mkdir()
    folder.rename(where / "slices")
    facts = {
        "scale": {"unit": "um"},
        "layout": {"pitch_u": 20.0},
        "plan": {"optics": {"pixel_um": 1.55, "magnification": 2.0}},
    }
    (where / "session.json").write_text(json.dumps(facts))
    return where


def test_a_session_begins_at_its_near_end(session, tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "far_first", lambda merged: True)
    merge(session)
    merge(session, "-o", tmp_path / "a.png", "--report", tmp_path / "r.json")
    for facts in (session / "merges/1/merge.json", tmp_path / "r.json"):
        assert json.loads(facts.read_text())["near_first"]


def test_each_merge_of_a_session_is_a_version_and_the_last_is_chosen(session, tmp_path, capsys):
    merge(session)
    merge(session, "--method", "pyramid", "--exclude", "0")
    assert (session / "merged.jpg").resolve() == (session / "merges/2/merged.jpg").resolve()
    facts = json.loads((session / "merges/2/merge.json").read_text())
    assert facts["settings"]["method"] == "pyramid"
    assert [one["index"] for one in facts["slices"]] == [1, 2, 3]
    assert facts["depth"]["um_per_slice"] == 20
    (session / "merges/2/merged.tif").write_bytes(b"sixteen bits")
    merge("--choose", session, "2")
    assert (session / "merged.tif").read_bytes() == b"sixteen bits"
    merge("--choose", session, "1")
    assert not (session / "merged.tif").is_symlink()  # merge 1 has none
    assert all((session / name).resolve().parent.name == "1" for name in CHOSEN if (session / name).exists())
    capsys.readouterr()
    merge("--compare", session, "1", "2", "-o", tmp_path / "sheet.png")
    assert capsys.readouterr().err.splitlines()[1:] == [
        "  merge 1, chosen; method: weighted; slices: 0-3",
        "  merge 2; method: pyramid; slices: 1-3",
    ]
    assert cv2.imread(str(tmp_path / "sheet.png")).shape[1] > 2 * 240
    assert "has no merge 3 (there: 1, 2)" in refused(capsys, "--choose", session, "3")
    argv = ["--compare", session, "1", "3", "-o", tmp_path / "sheet.png"]
    assert "has no merge 3" in refused(capsys, *argv)
    singular = {"slices": [{"index": 1, "transform": [[0, 0, 0], [0, 0, 0]]}]}
    (session / "merges/2/merge.json").write_text(json.dumps(singular))
    argv = ["--compare", session, "1", "2", "-o", tmp_path / "sheet.png"]
    assert "does not say how the merge was made" in refused(capsys, *argv)


def test_a_session_knows_its_scales(session):
    assert scales_of(session) == (20.0, 0.775)
    for pitch, magnification in (("NaN", "-2"), ("0", "0"), ("Infinity", "NaN"), ("-3", '"x"')):
        optics = f'{{"optics": {{"pixel_um": 1.5, "magnification": {magnification}}}}}'
        said = f'{{"scale": {{"unit": "um"}}, "layout": {{"pitch_u": {pitch}}}, "plan": {optics}}}'
        (session / "session.json").write_text(said)
        assert scales_of(session) == (None, None)
    (session / "session.json").write_text('{"scale": {"unit": "deg"}, "layout": {"pitch_u": 2}}')
    assert scales_of(session) == (None, None)
    optics = '"plan": {"optics": {"pixel_um": 1.4, "magnification": 0.05}}'
    for unit, um_per_px in (("deg", pytest.approx(28)), ("d", None)):  # a lens has one at every distance
        (session / "session.json").write_text(f'{{"scale": {{"unit": "{unit}"}}, {optics}}}')
        assert scales_of(session) == (None, um_per_px)


def test_photographs_need_to_be_told_where_to_go(folder, capsys):
    assert "-o sharp.jpg" in refused(capsys, folder)


def profiled(path, space):
    """Put a colour profile of that space into a JPEG."""
    profile = bytes(16) + space + bytes(108)
    write_picture(path, read_photo(path), Tags(None, profile), 95)
    return profile


def test_slices_of_other_profiles_are_told(folder, tmp_path, capsys):
    profiles = [profiled(folder / f"{i:04}.jpg", b"RGB ") for i in range(COUNT)]
    merge(folder, "-o", tmp_path / "a.jpg")
    assert "another colour profile" not in capsys.readouterr().err
    assert read_tags(tmp_path / "a.jpg").icc == profiles[0]
    profiled(folder / "0002.jpg", b"Lab ")
    merge(folder, "-o", tmp_path / "a.jpg")
    assert "0002.jpg has another colour profile than 0000.jpg" in capsys.readouterr().err


@pytest.mark.parametrize("space", [b"GRAY", b"CMYK"])
def test_a_profile_of_other_inks_does_not_go_with_the_picture(folder, tmp_path, capsys, space):
    for i in range(COUNT):
        profiled(folder / f"{i:04}.jpg", space)
    merge(folder, "-o", tmp_path / "a.jpg")
    assert read_tags(tmp_path / "a.jpg").icc is None
    assert "the profile of 0000.jpg is not for red, green and blue" in capsys.readouterr().err
