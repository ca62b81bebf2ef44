from pathlib import Path

from stack.record import plain


def test_metadata_of_any_kind_becomes_what_json_holds() -> None:
    odd = {"a": (1, 2.5), "b": float("inf"), 3: Path("x"), "c": {"d": None, "e": True}}
    assert plain(odd) == {"a": [1, 2.5], "b": "inf", "3": "x", "c": {"d": None, "e": True}}
