"""The scenes there are, opened by what their spec says."""

from simulator.insect import InsectScene
from simulator.replay import ReplayScene
from simulator.ruler import RulerScene
from simulator.scene import Scene, SceneSpec


def open_scene(spec: SceneSpec, size_px: tuple[int, int]) -> Scene:
    """Open the scene `spec` describes for frames of `size_px` (width, height).

    Drawing the insect takes seconds at full size; keep what you opened. Raises `SceneError`.
    """
    match spec.kind:
        case "replay":
            return ReplayScene(spec, size_px)
        case "ruler":
            return RulerScene(spec, size_px)
        case "insect":
            return InsectScene(spec, size_px)
