import cv2
import numpy as np
import pytest

from simulator.replay import ReplayScene
from simulator.scene import SceneError, SceneSpec, View
from simulator.scenes import open_scene

SIZE = (80, 60)


@pytest.fixture
def folder(tmp_path):
    """Five photographs in three formats, each of one grey, and a file that is none."""
    for n, suffix in enumerate((".png", ".jpg", ".tif", ".PNG", ".jpeg")):
        grey = np.full((120, 200, 3), 40 * n + 20, np.uint8)
        assert cv2.imwrite(str(tmp_path / f"slice{n:04}{suffix}"), grey)
    (tmp_path / "notes.txt").write_text("not a photograph")
    return tmp_path


def spec(folder):
    return SceneSpec(kind="replay", near_um=1000.0, far_um=1400.0, replay_folder=folder)


def srgb(light):
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_the_position_chooses_the_nearest_photograph(folder):
    scene = open_scene(spec(folder), SIZE)
    asked = (0.0, 1000.0, 1049.0, 1051.0, 1200.0, 1330.0, 1400.0, 9000.0)
    greys = [round(float(srgb(scene.render(focus)).mean())) for focus in asked]
    assert greys == pytest.approx([20, 20, 20, 60, 100, 140, 180, 180], abs=2)


def test_a_photograph_is_scaled_to_fill_the_frame_and_cropped(tmp_path):
    picture = np.zeros((120, 400, 3), np.uint8)
    picture[:, 120:280] = 255
    assert cv2.imwrite(str(tmp_path / "a.png"), picture)
    light = open_scene(spec(tmp_path), SIZE).render(1000.0)
    assert light.shape == (60, 80, 3)
    assert light.dtype == np.float32
    assert light.min() == pytest.approx(1.0)


def test_sixteen_bits_survive(tmp_path):
    picture = np.full((60, 80, 3), 1000, np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.png"), picture)
    assert open_scene(spec(tmp_path), SIZE).render(0.0)[0, 0, 0] == pytest.approx(
        1000 / 65535 / 12.92, rel=1e-4
    )


def test_only_a_few_photographs_stay_in_memory(folder):
    scene = ReplayScene(spec(folder), SIZE)
    for focus in range(1000, 1401, 100):
        scene.render(float(focus))
    kept = scene._photograph.cache_info()
    assert (kept.misses, kept.currsize) == (5, 3)


def test_a_shifted_view_moves_the_picture(tmp_path):
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[:, 40:] = 255
    assert cv2.imwrite(str(tmp_path / "a.png"), picture)
    scene = open_scene(spec(tmp_path), SIZE)
    moved = scene.render(1000.0, View(shift_px=(5.0, 0.0)))
    assert moved[30, :, 1].sum() == pytest.approx(scene.render(1000.0)[30, :, 1].sum() - 5, abs=0.1)


def test_nobody_knows_its_truth(folder):
    scene = open_scene(spec(folder), SIZE)
    for ask in (scene.truth, scene.depth_um, lambda: scene.truth_at(1.0), lambda: scene.depth_at(1.0)):
        with pytest.raises(SceneError, match="no known"):
            ask()
    assert (scene.near_um, scene.far_um) == (1000.0, 1400.0)


def test_what_cannot_be_replayed_is_named(tmp_path, folder):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SceneError, match="holds no JPEG"):
        open_scene(spec(empty), SIZE)
    with pytest.raises(SceneError, match="not a folder"):
        open_scene(spec(tmp_path / "absent"), SIZE)
    with pytest.raises(SceneError, match="replay_folder"):
        open_scene(SceneSpec(kind="replay"), SIZE)
    (folder / "slice0000.png").write_bytes(b"no picture")
    with pytest.raises(SceneError, match=r"slice0000\.png"):
        open_scene(spec(folder), SIZE).render(1000.0)
