"""Whether slices from after an interruption fit those from before."""

import pytest

from stack.rehoming import homing_doubts

PITCH_U = 20.0


@pytest.mark.parametrize("pitch_u", [PITCH_U, -PITCH_U])
@pytest.mark.parametrize("sense", [1, -1])
@pytest.mark.parametrize(
    ("moved_u", "repeat_u", "words"),
    [
        (None, None, []),
        (10.0, 10.0, []),
        (10.1, 10.0, ["off where it had been left"]),
        (10.0, 10.1, ["does not repeat"]),
        (500.0, 11.0, ["does not repeat", "off where it had been left"]),
        (None, 10.1, ["does not repeat"]),
        (10.1, None, ["off where it had been left"]),
    ],
)
def test_more_than_half_a_pitch_is_doubted_whichever_way(
    pitch_u: float, sense: int, moved_u: float | None, repeat_u: float | None, words: list[str]
) -> None:
    moved_u, repeat_u = (None if u is None else sense * u for u in (moved_u, repeat_u))
    doubts = list(homing_doubts(pitch_u, moved_u, repeat_u, "um"))
    assert [word in doubt for word, doubt in zip(words, doubts, strict=True)] == [True] * len(words)
