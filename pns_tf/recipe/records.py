"""Records of recipes: what a file says of them, and the recipe that follows from it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

T = TypeVar("T")


def record_of(recipe: Any) -> dict:
    """All fields of a recipe that can be set, as JSON has them.

    Example:
        >>> from pns_tf.recipe.search import SeekSettings
        >>> record_of(SeekSettings("snip", 0.5))["pruner"]
        'snip'
    """
    names = [field.name for field in dataclasses.fields(recipe) if field.init]
    record = dataclasses.asdict(recipe)
    return json.loads(json.dumps({name: record[name] for name in names}))


def from_record(kind: Callable[..., T], record: Mapping[str, object], **known: object) -> T:
    """The recipe that a record says; what it does not say has its default.

    Args:
        kind: a dataclass.
        record: of `record_of`, or one that has more in it. The fields of a recipe that is a field
            of ``kind`` may stand among the others, and options may be JSON, as in tables of runs.
        **known: fields that are made of the record elsewhere.

    Raises:
        ValueError: a value that cannot work.

    Example:
        >>> from pns_tf.recipe.search import SeekSettings
        >>> from_record(SeekSettings, {"pruner": "snip", "version": 3}) == SeekSettings("snip")
        True
    """
    found: dict[str, Any] = dict(known)
    for field in dataclasses.fields(cast(Any, kind)):
        part = field.default_factory
        if field.name in known:
            continue
        if field.init and field.name in record:
            found[field.name] = _value(part, record[field.name])
        elif dataclasses.is_dataclass(part):
            found[field.name] = from_record(cast(Any, part), record)
    return kind(**found)


def _value(part: Any, value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    if part is dict and isinstance(value, str):
        return json.loads(value)
    if dataclasses.is_dataclass(part) and isinstance(value, Mapping):
        return from_record(cast(Any, part), value)
    return value
