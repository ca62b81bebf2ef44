"""At which resolution slices are judged: that of the picture, or a lower one."""

from typing import Final

DECIDING_PIXELS: Final = 3_300_000
"""Above this, sharpness is judged at half the resolution: it costs less and the result is better."""
FARTHER: Final = 2
"""Half is left for a quarter only above so many times as many pixels."""


def deciding_factor(pixels: int) -> int:
    """Give by how much pictures of so many pixels are reduced to judge their sharpness: 1, 2, 4 ..."""
    factor = 1
    while pixels > DECIDING_PIXELS * factor**2 * (1 if factor == 1 else FARTHER):
        factor *= 2
    return factor
