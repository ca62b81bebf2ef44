"""YAML as people write it into config.yaml, read strictly: a name given twice is a mistake, not a vote."""

import re
from collections.abc import Hashable, Mapping
from itertools import chain
from typing import Any, Final, NoReturn

import yaml

from focusd.problems import shown

MOST_VALUES = 100_000
"""What a text may stand for, its aliases written out: a few lines of them can mean more than memory holds."""

_OF_YAML: Final = "tag:yaml.org,2002:"
"""What `!!` stands for."""

_NUMBERS = {
    f"{_OF_YAML}int": re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,99}|0x[0-9a-fA-F]{1,99})$"),
    f"{_OF_YAML}float": re.compile(
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
        r"|[0-9]+[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
    ),
}
"""Numbers as people read them. To YAML 1.1, GPIO 021 is 17, and half past one is 90."""


class YamlInvalid(ValueError):
    """The text is not YAML, or says something twice."""


class OverrideInvalid(ValueError):
    """A `key.path=value` that cannot be understood."""


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML of groups, lists, texts, numbers, true, false and null: no setting is anything else.

    No name may be repeated, and no number is octal or sexagesimal.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class's own shape
        first: [
            (tag, _NUMBERS.get(tag, pattern)) for tag, pattern in resolvers if tag != f"{_OF_YAML}timestamp"
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _mapping(loader: _StrictLoader, node: yaml.Node) -> dict[Hashable, Any]:
    if not isinstance(node, yaml.MappingNode):
        _refuse(loader, node)
    seen: dict[Hashable, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == f"{_OF_YAML}merge":  # `<<: *other`, which gives way to names of its own
            continue
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise YamlInvalid(f"line {line}: the name {key!r} must be text; put it in quotes")
        if key in seen:
            raise YamlInvalid(f"line {line}: {key} is given twice, first in line {seen[key]}")
        seen[key] = line
    return loader.construct_mapping(node, deep=True)


def _text(loader: _StrictLoader, node: yaml.ScalarNode) -> str:
    text: str = loader.construct_scalar(node)
    if bad := next((letter for letter in text if letter == "\0" or "\ud800" <= letter <= "\udfff"), None):
        raise YamlInvalid(
            f"line {node.start_mark.line + 1}: a text holds {bad!r}, which no path or name can; take it out"
        )
    return text


def _scalar(loader: _StrictLoader, node: yaml.Node) -> object:
    """Read what is no text, where it would be read so without a tag, too."""
    untagged = loader.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
    if untagged != node.tag:
        _refuse(loader, node)
    return yaml.SafeLoader.yaml_constructors[node.tag](loader, node)


def _refuse(_loader: _StrictLoader, node: yaml.Node) -> NoReturn:
    what = shown(node.value) if isinstance(node, yaml.ScalarNode) else "what stands here"
    tag = node.tag.replace(_OF_YAML, "!!")
    raise YamlInvalid(
        f"line {node.start_mark.line + 1}: {what} cannot be read as {tag}: write it without a tag, and in "
        "quotes if it is text"
    )


_StrictLoader.yaml_constructors = {
    f"{_OF_YAML}map": _mapping,
    f"{_OF_YAML}seq": yaml.SafeLoader.construct_yaml_seq,
    f"{_OF_YAML}str": _text,
    **{f"{_OF_YAML}{name}": _scalar for name in ("int", "float", "bool", "null")},
    None: _refuse,
}


def parse_yaml(text: str) -> Any:
    """Give what `text` says; raises `YamlInvalid` naming the line."""
    try:
        loader = _StrictLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _values(node, {}) > MOST_VALUES:
            raise YamlInvalid(f"it holds, or its aliases stand for, more than {MOST_VALUES} values")
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise YamlInvalid(f"{place}{error.problem or 'not YAML'}") from error
    except RecursionError as error:
        raise YamlInvalid("it is nested too deeply") from error
    except yaml.YAMLError as error:
        raise YamlInvalid(f"not YAML: {error}") from error
    except YamlInvalid:
        raise
    except (ValueError, OverflowError) as error:  # from the scanner, of \U with too large a number
        raise YamlInvalid(f"line {loader.line + 1}: what is escaped there is no letter") from error


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """Give how many values a node stands for, its aliases written out; `known` are those of nodes seen."""
    if id(node) not in known:
        known[id(node)] = 1  # one that holds itself is refused when it is made
        inner = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        if not isinstance(node, yaml.ScalarNode):
            known[id(node)] += sum(_values(item, known) for item in inner)
    return known[id(node)]


def with_override(tree: Mapping[str, Any], override: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Give `tree` with one `key.path=value` applied to it.

    Groups that `tree` does not have yet start from `defaults`, so that one value of a named plan can be
    changed without repeating the plan.
    """
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise OverrideInvalid(f'--set "{override}": write it as key.path=value, such as axis.travel_mm=60')
    try:
        value = parse_yaml(text)
    except YamlInvalid as error:
        raise OverrideInvalid(f'--set "{override}": the value cannot be read: {error}') from error
    return _replaced(tree, keys, value, defaults, override)


def _replaced(
    tree: Mapping[str, Any], keys: list[str], value: object, defaults: Mapping[str, Any], override: str
) -> dict[str, Any]:
    key, *rest = keys
    if not rest:
        return {**tree, key: value}
    branch_defaults = defaults.get(key)
    branch_defaults = branch_defaults if isinstance(branch_defaults, Mapping) else {}
    branch = tree.get(key, branch_defaults)
    if not isinstance(branch, Mapping):
        raise OverrideInvalid(f'--set "{override}": {key} is a value, not a group of settings')
    return {**tree, key: _replaced(branch, rest, value, branch_defaults, override)}
