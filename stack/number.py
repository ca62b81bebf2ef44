"""What counts as a number in the names of files and in what is typed."""

from typing import Final

MOST_DIGITS: Final = 100


def is_number(text: str) -> bool:
    """Say whether `text` is a whole number as it is written everywhere here: of the digits 0 to 9 alone.

    `str.isdecimal` takes the digits of every script, and a folder called by them is none of ours; `int` takes
    4300 of them at the most.
    """
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
