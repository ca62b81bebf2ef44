"""YAML as people write it into config.yaml, read strictly: a name given twice is a mistake, not a vote."""

import re
from collections.abc import Hashable, Mapping
from itertools import chain
from typing import Any

import yaml

MOST_VALUES = 100_000
"""What a text may stand for, its aliases written out: a few lines of them can mean more than memory holds."""

_NUMBERS = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,99}|0x[0-9a-fA-F]{1,99})$"),
    "tag:yaml.org,2002:float": re.compile(
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
    """Safe YAML without dates (a setting is never one), repeated names, octal and sexagesimal numbers."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class's own shape
        first: [
            (tag, _NUMBERS.get(tag, pattern))
            for tag, pattern in resolvers
            if tag != "tag:yaml.org,2002:timestamp"
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: dict[Hashable, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":  # `<<: *other`, which gives way to names of its own
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


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
_StrictLoader.add_constructor("tag:yaml.org,2002:str", _text)


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
