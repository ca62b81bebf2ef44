"""How to merge: what a user may choose, and what is recorded with the result."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Method(StrEnum):
    """What becomes of the slices at each pixel."""

    WEIGHTED = "weighted"
    """A mean of all slices, the sharper the weightier (others' method A): the best all-round."""
    DEPTHMAP = "depthmap"
    """Each pixel from the slice that the smoothed depth map names (B, DMap): calm surfaces, true colours."""
    PYRAMID = "pyramid"
    """Each scale of detail from the slice that shows most of it (C, PMax): hairs that cross each other."""


class Kind(StrEnum):
    """How slices are taken; see `stack.merge.frames`."""

    WHOLE = "whole"
    LAYERS = "layers"


AUTO = "auto"


def method_named(name: str) -> Method:
    """Give the method of that name; `auto` is the best all-round."""
    return Method.WEIGHTED if name == AUTO else Method(name)


@dataclass(frozen=True, slots=True)
class MergeSettings:
    """How to merge.

    Attributes
    ----------
    align
        Lay slices over each other; else they are taken to lie so already.
    even_light
        Even out brightness and colour between slices.
    method
        See `Method`.
    front_wins
        Where a near part and a far one are both in focus somewhere, take the near one. Slices must come near
        first.
    unveil
        Take the blur of near parts off what it veils behind them.
    keep_borders
        Give the whole first slice instead of what all slices show; at its borders fewer of them are merged.
    """

    align: bool = True
    even_light: bool = True
    method: Method = Method.WEIGHTED
    front_wins: bool = False
    keep_borders: bool = False
    unveil: bool = True

    def as_facts(self) -> dict[str, Any]:
        """Give them as JSON knows them."""
        return asdict(self)
