"""config.yaml, read and checked."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from focusd.contradictions import contradictions
from focusd.earlier import in_todays_words
from focusd.errors import ConfigInvalid
from focusd.problems import problems_of
from focusd.settings import Config
from focusd.yaml_text import OverrideInvalid, YamlInvalid, parse_yaml, with_override


def load_config(path: Path | None, overrides: Sequence[str] = ()) -> Config:
    """Read the configuration at `path` (None: the defaults) and apply `key.path=value` overrides to it.

    Raises `ConfigInvalid` with every problem found.
    """
    source = "the configuration" if path is None else str(path)
    try:
        tree: Any = {} if path is None else parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigInvalid(source, [f"it cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigInvalid(source, ["it cannot be read: it is no text in UTF-8"]) from error
    except YamlInvalid as error:
        raise ConfigInvalid(source, [str(error)]) from error
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise ConfigInvalid(source, ["it holds no settings; write them as `name: value`"])
    for override in overrides:
        try:
            tree = with_override(tree, override, _defaults())
        except OverrideInvalid as error:
            raise ConfigInvalid(source, [str(error)]) from error
    return checked(tree, source)


def checked(tree: object, source: str) -> Config:
    """Give the configuration that `tree` describes; raises `ConfigInvalid` with every problem found."""
    today = in_todays_words(tree, _default_plans())
    try:
        config = Config.model_validate_json(json.dumps(today, default=str))
    except ValidationError as error:
        raise ConfigInvalid(source, problems_of(error, Config)) from error
    if problems := list(contradictions(config)):
        raise ConfigInvalid(source, problems)
    return config


def _defaults() -> Any:
    return Config().model_dump(mode="json")


def _default_plans() -> Any:
    return {name: plan.model_dump(mode="json", exclude_unset=True) for name, plan in Config().plans.items()}
