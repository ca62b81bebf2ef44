"""One value changed in what a person wrote: that value, and not a character more."""

import difflib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from focusd.yaml_edit import EditFailed, with_value

WHOLE = (Path(__file__).parents[2] / "config.yaml").read_text()
PLANS = {"default": {"optics": "macro-2x"}}


def changed(before: str, after: str) -> list[str]:
    """Give the lines that differ, as a diff has them."""
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_a_value_is_replaced_where_it_stands_and_its_comment_stays_in_its_column() -> None:
    after = with_value(WHOLE, ("axis", "backlash_um"), 62.0)
    assert changed(WHOLE, after) == [
        "-  backlash_um: 100.0            # play of the nut, or somewhat more",
        "+  backlash_um: 62.0             # play of the nut, or somewhat more",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "plans: {default: {optics: macro-2x, settle_ms: 90}}\n"),
        ("# mine\n", "# mine\nplans: {default: {optics: macro-2x, settle_ms: 90}}\n"),
        (
            "axis: {travel_mm: 6}",
            "axis: {travel_mm: 6}\nplans: {default: {optics: macro-2x, settle_ms: 90}}\n",
        ),
        ("plans:\n  default:\n    after: stay  # here\n", None),
        (
            "plans:\n  default: {after: stay}  # here\n",
            "plans:\n  default: {after: stay, settle_ms: 90}  # here\n",
        ),
        ("plans: {default: {}}\n", "plans: {default: {settle_ms: 90}}\n"),
    ],
)
def test_what_is_not_there_is_added_where_it_belongs(before: str, after: str | None) -> None:
    if after is None:
        after = "plans:\n  default:\n    after: stay  # here\n    settle_ms: 90\n"
    assert with_value(before, ("plans", "default", "settle_ms"), 90, PLANS) == after


def test_comments_and_empty_lines_after_a_group_stay_after_it() -> None:
    before = "axis:\n  pins:\n    coils: [1,\n     2]\n\n# the camera\ncamera:\n  index: 0\n"
    after = with_value(before, ("axis", "backlash_um"), 3.5)
    assert after == before.replace("     2]\n", "     2]\n  backlash_um: 3.5\n")


def test_a_comment_of_several_lines_behind_a_value_is_not_torn() -> None:
    after = with_value(WHOLE, ("plans", "fly"), {"optics": "macro-2x"})
    lines = after.splitlines()
    place = lines.index("  fly: {optics: macro-2x}")
    assert "# the rest is said when it is shot" in lines[place - 1]
    assert lines[place + 1] == ""
    at_the_end = "plans:\n  default: {}  # here\n               # and on"
    assert with_value(at_the_end, ("plans", "fly"), 1) == at_the_end + "\n  fly: 1\n"


def test_names_may_hold_dots() -> None:
    before = "optics:\n  macro-2.5x:\n    magnification: 2.5\n"
    assert "magnification: 2.44\n" in with_value(before, ("optics", "macro-2.5x", "magnification"), 2.44)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base: &b\n  backlash_um: 3\naxis: *b\n", "changing more"),
        ("axis: 3\n", "no group"),
        ("axis: [1\n", "line 2"),
        ("axis:\n  travel_mm: 1\n  travel_mm: 2\n", "twice"),
    ],
)
def test_what_cannot_be_changed_alone_is_left_to_a_person(text: str, words: str) -> None:
    with pytest.raises(EditFailed, match=words) as raised:
        with_value(text, ("axis", "backlash_um"), 62.0)
    assert "axis.backlash_um to 62.0 by hand" in str(raised.value)


@pytest.mark.parametrize("value", ["?0", "0?", "a, b", "}", "[", "- x", "#", ": ", "x: y", "\x85", "\u2028"])
def test_words_that_mean_something_between_brackets_are_quoted_there(value: str) -> None:
    assert yaml.safe_load(with_value("a: {b: 1}\n", ("a", "b"), value)) == {"a": {"b": value}}


KEYS = st.sampled_from(["axis", "plans", "a", "b c"])
TREES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text("xy #:", max_size=5), st.none()),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    tree=st.dictionaries(KEYS, TREES, max_size=3),
    keys=st.lists(KEYS, min_size=1, max_size=3),
    value=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)),
    flow=st.booleans(),
)
def test_afterwards_it_says_that_and_all_else_that_it_said(
    tree: dict[str, object], keys: list[str], value: object, flow: bool
) -> None:
    text = yaml.safe_dump(tree, default_flow_style=flow)
    try:
        after = yaml.safe_load(with_value(text, keys, value))
    except EditFailed:
        held: object = tree
        for key in keys[:-1]:
            held = held.get(key, {}) if isinstance(held, dict) else held
        assert not isinstance(held, dict) or isinstance(held[keys[-1]], dict | list), text
        return
    for key in keys[:-1]:
        tree, after = tree.setdefault(key, {}), after[key]  # type: ignore[assignment]
    assert after == {**tree, keys[-1]: value}
