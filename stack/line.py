"""What a name or a note may be made of: it stands in terminals, on pages and in pictures' XMP."""

import unicodedata
from typing import Final

_ENDING: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Kinds of characters that end a line, drive a terminal, or are none."""
_TURNING: Final = frozenset(
    map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
"""They have what follows read the other way round: "enod" where "done" was written."""
_NO_XML: Final = frozenset("\ufffe\uffff")


def plain(text: str) -> str:
    """Give `text` as a terminal may show it: what would drive it, or turn what follows round, is spelled out.

    File names may hold such characters. Ends of lines stay.
    """
    return "".join(one if one == "\n" or not _is_odd(one) else ascii(one)[1:-1] for one in text)


def is_line(text: str) -> bool:
    """Say whether `text` shows something, on one line, in any script, and just as it is written.

    `str.isprintable` refuses the wide space of East Asian scripts, and what joins letters and emoji.
    """
    return bool(text.strip()) and not any(map(_is_odd, text))


def _is_odd(one: str) -> bool:
    return unicodedata.category(one) in _ENDING or one in _TURNING | _NO_XML
