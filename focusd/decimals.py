"""Decimals as much of the world writes them: after a comma."""

import re


def pointed(typed: str, form: re.Pattern[str]) -> str | None:
    """Give what was typed with a point for its comma, where that is all it lacks; else None."""
    written = typed.replace(",", ".", 1).strip()
    return written if written != typed.strip() and form.fullmatch(written) else None
