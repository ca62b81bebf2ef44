"""What is wrong with a configuration or a request, said with the path, the value and what would be right."""

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Location = tuple[int | str, ...]

MOST_SHOWN = 60
"""Letters of a value that are shown: it is to be found, not repeated."""

_A_GROUP = "a group of settings"


def problems_of(error: ValidationError, model: type[BaseModel]) -> tuple[str, ...]:
    """Give one sentence for each thing wrong, in the order of the fields."""
    sentences = dict.fromkeys(_sentence(detail, model) for detail in error.errors(include_url=False))
    return tuple(sentences)


def _sentence(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "json_invalid":
        return f"this is not JSON: {detail['ctx']['error']}"
    match detail["loc"]:
        case (*group, name, "[key]") if group:
            return f"{group[-1]}: {shown(name)} names none: give 1 to 60 printable characters on one line"
    path, known, allowed = _resolve(detail["loc"], model)
    if detail["type"] == "extra_forbidden":
        return _unknown(path, known)
    if detail["type"] == "missing":
        return f"{path}: is missing; it takes {allowed}"
    if detail["type"] == "value_error":
        return f"{path or 'all together'}: {detail['ctx']['error']}"
    if detail["input"] is None and allowed == _A_GROUP:
        return f"{path}: nothing stands below it; delete it, or give some of its settings"
    return f"{path or 'all together'}: {shown(detail['input'])} is not {allowed}"


def shown(value: object) -> str:
    """Write a value the way its owner would in YAML, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a group of settings"
    if isinstance(value, str):
        return f'"{_shortened(value)}"'
    return _shortened(str(value))


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def _unknown(path: str, known: Iterable[str]) -> str:
    parent, _, name = path.rpartition(".")
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return f"{path}: {parent or 'the top level'} has no such setting; {hint}"


def _resolve(location: Location, model: type[BaseModel]) -> tuple[str, tuple[str, ...], str]:
    """Follow `location` down the models: give its path, the names beside its last part, and what it takes."""
    kind: Any = model
    metadata: list[Any] = []
    path = ""
    known: tuple[str, ...] = ()
    for part in location:
        inner = _model_in(kind)
        if inner is not None:
            known = tuple(inner.model_fields)
            if part not in inner.model_fields:
                kind, metadata = object, []
            else:
                field = inner.model_fields[str(part)]
                kind, metadata = field.annotation, field.metadata
            path = f"{path}.{part}" if path else str(part)
        elif isinstance(part, int):
            path += f"[{part}]"
            kind = _item(kind)
        elif get_origin(kind) is dict:
            path = f"{path}.{part}" if path else str(part)
            kind, metadata = get_args(kind)[1], []
    return path, known, _allowed(kind, metadata)


def _members(kind: Any) -> tuple[Any, ...]:
    """Give the alternatives of a union, None left out; one kind is its own only alternative."""
    if get_origin(kind) in (Union, UnionType):
        return tuple(member for member in get_args(kind) if member is not NoneType)
    return (kind,)


def _bare(kind: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    """Take `Annotated` off a kind; what it held of bounds is in a `Field` of its own."""
    if get_origin(kind) is not Annotated:
        return kind, metadata
    bare, *notes = get_args(kind)
    return bare, metadata + [bound for note in notes for bound in getattr(note, "metadata", ())]


def _model_in(kind: Any) -> type[BaseModel] | None:
    for member in _members(kind):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None


def _item(kind: Any) -> Any:
    for member in _members(kind):
        if get_origin(member) in (tuple, list):
            return get_args(member)[0]
    return kind


def _allowed(kind: Any, metadata: list[Any]) -> str:
    allowed = " or ".join(_allowed_member(member, metadata) for member in _members(kind))
    optional = get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)
    return f"{allowed}, or null" if optional else allowed


def _allowed_member(kind: Any, metadata: list[Any]) -> str:
    kind, metadata = _bare(kind, metadata)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(kind))
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        even = any(isinstance(bound, MultipleOf) and bound.multiple_of == 2 for bound in metadata)
        whole = "an even number" if even else "a whole number"
        return (whole if kind is int else "a number") + _bounds(metadata)
    if kind is str:
        return "text" + _length(metadata)
    if kind is datetime:
        return "a date and time such as 2026-12-01T08:00"
    if get_origin(kind) in (tuple, list):
        items = [item for item in get_args(kind) if item is not Ellipsis]
        length = "" if Ellipsis in get_args(kind) else f" of {len(items)}"
        return f"a list{length}, each {_allowed(items[0], metadata)}"
    return _A_GROUP


def _bounds(metadata: list[Any]) -> str:
    words = []
    for bound in metadata:
        if isinstance(bound, Ge):
            words.append(f"from {bound.ge:.12g}" if isinstance(bound.ge, int | float) else "")
        elif isinstance(bound, Gt):
            words.append(f"above {bound.gt:.12g}" if isinstance(bound.gt, int | float) else "")
    for bound in metadata:
        if isinstance(bound, Le):
            words.append(f"up to {bound.le:.12g}" if isinstance(bound.le, int | float) else "")
        elif isinstance(bound, Lt):
            words.append(f"below {bound.lt:.12g}" if isinstance(bound.lt, int | float) else "")
    return "".join(f" {word}" for word in words)


def _length(metadata: list[Any]) -> str:
    least = [bound.min_length for bound in metadata if isinstance(bound, MinLen)]
    most = [bound.max_length for bound in metadata if isinstance(bound, MaxLen)]
    return (" of at least 1 letter" if least == [1] else "") + (f" up to {most[0]} letters" if most else "")
