"""Which way a stack goes: what veils and hides is told by what is nearer, and indices need not say that."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stack.merge.reach import NOWHERE


@dataclass(frozen=True, slots=True)
class Travel:
    """By it places in a stack are counted from its near end.

    Attributes
    ----------
    nearest
        Index of the nearest slice, where that is the highest; None where the lowest is nearest.
    """

    nearest: int | None = None

    def counted(self, slices: Any) -> Any:
        """Give places in slices, numbers or planes, from the near end; of such, in slices."""
        if self.nearest is None:
            return slices
        return np.where(slices < NOWHERE, self.nearest - slices, slices)


NEAR_FIRST = Travel()
