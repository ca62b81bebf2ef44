"""What groups of settings and the bodies of requests have in common: nothing unknown, nothing guessed."""

import re
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from stack.line import is_line


class Strict(BaseModel):
    """A group of settings: no unknown names, no guessed types, no changes later."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


def _on_one_line(name: str) -> str:
    if not is_line(name):
        raise ValueError("give 1 to 60 printable characters on one line")
    return name


Name = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_on_one_line)]
"""What a stack or a series is called, on pages, in terminals and in pictures."""


Pin = Annotated[int, Field(ge=0, le=27)]
"""A GPIO of the Pi's 40-pin header, numbered as the processor does (BCM)."""


Pixels = Annotated[int, Field(ge=32, le=16_384, multiple_of=2)]
"""One side of a frame."""


_A_RATIO = re.compile(
    r"\s*[-+]?[0-9]{0,9}\.?[0-9]{0,25}(e[-+]?[0-9]{1,2})?\s*(/\s*[0-9]{1,9})?\s*", re.IGNORECASE
)
"""No longer: a power of ten of many digits takes minutes to be worked out."""


def _ratio(value: object) -> object:
    """Read 3, 2.5 or 60/20 as an exact fraction, kept as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        ratio = Fraction(str(value) if _A_RATIO.fullmatch(str(value)) else "")
    except (ValueError, ZeroDivisionError):
        raise ValueError(f'"{str(value)[:40]}" is not a number or a fraction such as 60/20') from None
    if not Fraction(1, 1000) <= ratio <= 10_000:
        raise ValueError(f"{value} is not from 0.001 up to 10000")
    return str(value)


Ratio = Annotated[str, BeforeValidator(_ratio)]
"""A gear ratio, exact."""
