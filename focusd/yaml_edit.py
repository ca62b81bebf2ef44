"""One value changed in YAML that a person wrote: all else, comments above all, stays as it was."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from focusd.yaml_text import YamlInvalid, parse_yaml

_COMMENT_AFTER = re.compile(r"( +)#")


class EditFailed(ValueError):
    """A value cannot be changed in a text without touching more than that."""


def with_value(text: str, keys: Sequence[str], value: object, group: Mapping[str, Any] | None = None) -> str:
    """Give YAML text with the value at the path of names `keys` set to `value`.

    A value that is there is replaced where it stands; one that is not is added at the end of its group. A
    topmost group that is not there begins as `group`: of named things one is never written without the rest.
    Raises `EditFailed` for a text that is not YAML, or that would not say this and nothing else afterwards:
    the value stands behind an alias, for instance, or is a group of several lines.
    """
    by_hand = f"set {'.'.join(keys)} to {value} by hand"
    try:
        wanted = _nested(keys, value, {keys[0]: group, **(parse_yaml(text) or {})})
        edited = _edited(text, keys, value, group or {})
        if parse_yaml(edited) == wanted:
            return edited
    except YamlInvalid as error:
        raise EditFailed(f"this file cannot be changed ({error}): {by_hand}") from error
    raise EditFailed(f"this file cannot be changed without changing more: {by_hand}")


def _edited(text: str, keys: Sequence[str], value: object, group: Mapping[str, Any]) -> str:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        return _with_line(text, len(text), _entry(keys, value, group))
    for depth, key in enumerate(keys):
        if not isinstance(node, yaml.MappingNode):
            raise YamlInvalid(f"{'.'.join(keys[:depth])} is no group")
        found = next((item for name, item in node.value if name.value == key), None)
        if found is None:
            return _added(text, node, _entry(keys[depth:], value, {} if depth else group))
        node = found
    return _replaced(text, node.start_mark.index, node.end_mark.index, _flow(value))


def _replaced(text: str, start: int, end: int, written: str) -> str:
    """Give the text with a part of it replaced; a comment behind it stays in its column where it can."""
    after = text[end:]
    if comment := _COMMENT_AFTER.match(after):
        wider = len(written) - (end - start)
        after = " " * max(1, len(comment[1]) - wider) + after[len(comment[1]) :]
    return text[:start] + written + after


def _added(text: str, node: yaml.MappingNode, entry: str) -> str:
    """Give the text with an entry at the end of a group."""
    if node.flow_style:
        at = node.end_mark.index - 1
        return text[:at] + (", " if node.value else "") + entry + text[at:]
    end = max(_ends(node))
    at = end if text[end - 1] == "\n" else _past_its_comment(text, end)
    return _with_line(text, at, " " * node.value[0][0].start_mark.column + entry)


def _past_its_comment(text: str, end: int) -> int:
    """Give where the line after a value begins, and the lines below that go on with the comment behind it."""
    at = text.find("\n", end) + 1 or len(text)
    if comment := _COMMENT_AFTER.match(text, end):
        column = comment.end() - 1 - (text.rfind("\n", 0, end) + 1)
        while text.startswith(" " * column + "#", at):
            at = text.find("\n", at) + 1 or len(text)
    return at


def _ends(node: Any) -> Iterator[int]:
    """Give where the parts of a group end: its own end lies past the comments and empty lines after it."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style:
        yield node.end_mark.index
        return
    for child in node.value:
        yield from _ends(child[1] if isinstance(child, tuple) else child)


def _with_line(text: str, at: int, line: str) -> str:
    break_before = "\n" if at and text[at - 1] != "\n" else ""
    return text[:at] + break_before + line + "\n" + text[at:]


def _entry(keys: Sequence[str], value: object, group: Mapping[str, Any]) -> str:
    """Write `a: {b: value}` in a line, whatever else `group` holds within it."""
    key, *rest = keys
    return f"{key}: {_flow(_nested(rest, value, group))}"


def _nested(keys: Sequence[str], value: object, group: Any) -> Any:
    if not keys:
        return value
    held = group if isinstance(group, Mapping) else {}
    return {**held, keys[0]: _nested(keys[1:], value, held.get(keys[0]))}


def _flow(value: object) -> str:
    """Write a value in one line, so that it may also stand between brackets: more is quoted there."""
    written = _dumped(value, as_it_is=True)
    # Left as they are, Unicode's own line breaks would break the line.
    return written if yaml.safe_load(f"[{written}]") == [value] else _dumped(value, as_it_is=False)


def _dumped(value: object, *, as_it_is: bool) -> str:
    written = yaml.safe_dump(
        [value], default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=as_it_is
    )
    return str(written).strip()[1:-1]
