"""What can go wrong with a film. Each error carries its facts as attributes.

FilmError
├── NothingToShow        the series has no merged picture yet
├── SessionsNotFound     a series' folder by itself, without the sessions it speaks of
├── MaskUnusable         not a picture, or one that says to look nowhere
├── SizeRefused          a film of that size cannot be made
├── EncoderMissing       PyAV is not installed
└── FilmRefused          the result cannot be written where it was asked for
"""

import sys
from pathlib import Path


class FilmError(Exception):
    """Anything a film refuses or fails at."""


class NothingToShow(FilmError):
    """There is no picture to make a film of."""


class SessionsNotFound(FilmError):
    """The sessions of a series are not where they were looked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} is not there: say with --sessions where the sessions lie that the series is made of"
        )
        self.folder = folder


class MaskUnusable(FilmError):
    """A mask does not say where to look."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class SizeRefused(FilmError):
    """A film has an even, sensible number of rows and columns."""


class EncoderMissing(FilmError):
    """The library that writes films is not there."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"films are written by PyAV, which cannot be loaded ({why}): {sys.executable} -m pip install "
            "'av>=14', or make the film on another machine, from a copy of the folders series/ and sessions/"
        )


class FilmRefused(FilmError):
    """The result cannot go where it was asked to go."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
