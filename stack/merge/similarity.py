"""Shift, rotation and change of scale in the plane: four numbers, two coordinates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Similarity:
    """Maps `(x, y)`, pixel centres at whole numbers, to `(p x - q y + tx, q x + p y + ty)`."""

    p: float = 1.0
    q: float = 0.0
    tx: float = 0.0
    ty: float = 0.0

    @property
    def scale(self) -> float:
        """How much longer distances become."""
        return float(np.hypot(self.p, self.q))

    @property
    def matrix(self) -> Floats:
        """The 2x3 matrix, float64."""
        return np.array([[self.p, -self.q, self.tx], [self.q, self.p, self.ty]])

    def __call__(self, points: Floats) -> Floats:
        """Map points of shape `(N, 2)`."""
        x, y = points[:, 0], points[:, 1]
        return np.stack([self.p * x - self.q * y + self.tx, self.q * x + self.p * y + self.ty], axis=1)

    def after(self, first: "Similarity") -> "Similarity":
        """Give the similarity that does `first` and then this."""
        a, b = complex(self.p, self.q), complex(first.p, first.q)
        turn = a * b
        shift = a * complex(first.tx, first.ty) + complex(self.tx, self.ty)
        return Similarity(turn.real, turn.imag, shift.real, shift.imag)

    def inverse(self) -> "Similarity":
        """Give the similarity that undoes this."""
        turn = 1 / complex(self.p, self.q)
        shift = -turn * complex(self.tx, self.ty)
        return Similarity(turn.real, turn.imag, shift.real, shift.imag)

    def power(self, exponent: float) -> "Similarity":
        """Give what comes of doing it so many times; parts of a time count."""
        grown = np.log(complex(self.p, self.q))
        turn = np.exp(exponent * grown)
        times = np.expm1(exponent * grown) / np.expm1(grown) if grown else exponent
        shift = times * complex(self.tx, self.ty)
        return Similarity(float(turn.real), float(turn.imag), float(shift.real), float(shift.imag))

    def reduced(self, factor: float) -> "Similarity":
        """Give the same mapping between pictures reduced by `factor`, pixel corners staying in place."""
        lost = (factor - 1) / 2
        turn, shift = complex(self.p, self.q), complex(self.tx, self.ty)
        centre = complex(lost, lost)
        moved = (turn * centre + shift - centre) / factor
        return Similarity(self.p, self.q, moved.real, moved.imag)
