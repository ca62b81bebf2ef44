"""What counts as a number in the names of files and in what is typed."""


def is_number(text: str) -> bool:
    """Say whether `text` is a whole number as it is written everywhere here: of the digits 0 to 9 alone.

    `str.isdecimal` takes the digits of every script, and a folder called by them is none of ours.
    """
    return text.isascii() and text.isdecimal()
