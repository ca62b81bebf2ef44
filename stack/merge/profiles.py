"""Colour profiles of slices: colours of different profiles, merged as numbers, are not the same colours."""

from collections.abc import Sequence

from stack.merge.merging import Photo
from stack.merge.progress import listed
from stack.merge.tags import is_of_other_inks, profile_of


def profile_warnings(photos: Sequence[Photo]) -> list[str]:
    """Say in sentences what is wrong with the slices' profiles; the picture has that of the first slice."""
    first, *others = photos
    profile = profile_of(first.path)
    odd = [photo.name for photo in others if profile_of(photo.path) != profile]
    said = []
    if odd:
        have = "has" if len(odd) == 1 else "have"
        said.append(
            f"{listed(odd)} {have} another colour profile than {first.name}, or none: colours may be off "
            "where they are sharpest; convert all to one profile first"
        )
    if is_of_other_inks(profile):
        said.append(
            f"the profile of {first.name} is not for red, green and blue and was left out: tones may be off; "
            "convert the slices to sRGB first"
        )
    return said
