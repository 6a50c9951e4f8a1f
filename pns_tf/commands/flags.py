"""Flags of commands: what recipes declare once becomes signature, help and values."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pns_tf.checks import InputError, several

T = TypeVar("T")
# Flags that had another name: the old one is refused, and the new one is said.
RENAMED = {
    "densities": "density",
    "depths": "depth",
    "distance": "gap",
    "plantings": "planting",
    "pruners": "pruner",
    "runs": "seeds",
    "tasks": "task",
    "widths": "width",
}


class Given(Mapping[str, Any]):
    """The flags of one call of a command: name → value, in the order of its help.

    Args:
        command: its name.
        values: of all flags.
        defaults: of the same flags.
        said: those that were written, even if with their default.

    Example:
        >>> given = Given("plant", {"depth": 5, "width": 50}, {"depth": 5, "width": 100})
        >>> given["width"], given.changed, given.line
        (50, ['width'], 'python -m pns_tf plant --width=50')
    """

    def __init__(
        self,
        command: str,
        values: Mapping[str, object],
        defaults: Mapping[str, object],
        said: Iterable[str] = (),
    ) -> None:
        self.command, self.defaults, self._said = command, dict(defaults), frozenset(said)
        self._values = {name: values[name] for name in defaults}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def changed(self) -> list[str]:
        """Flags whose value is not the default."""
        return [name for name, value in self.items() if value != self.defaults[name]]

    def says(self, name: str) -> bool:
        """Whether a flag was written, or has another value than its default."""
        return name in self._said or self[name] != self.defaults[name]

    @property
    def line(self) -> str:
        """The line that calls the command like this; values that are its defaults are left out."""
        return _line(self.command, self, self.defaults)

    def make(self, recipe: Callable[..., T], **more: object) -> T:
        """A recipe from the flags that are fields of it.

        Args:
            recipe: a dataclass.
            **more: fields that are no flags, or that are to have another value.

        Raises:
            ValueError: a value that cannot work.

        Example:
            >>> from pns_tf.recipe.search import SeekSettings
            >>> given = Given("seek", {"rounds": 3, "out": "x"}, {"rounds": 1, "out": "results"})
            >>> given.make(SeekSettings, pruner="snip").rounds
            3
        """
        names = [field.name for field in _fields(recipe) if field.name in self]
        return recipe(**{name: self[name] for name in names} | more)

    def each(self, recipe: Callable[..., T], **values: Iterable[object]) -> list[T]:
        """A recipe for each combination of values of some of its fields, the last varying first.

        Args:
            recipe: as for `make`.
            **values: of each field all that it is to have.

        Raises:
            ValueError: a value that cannot work.
        """
        combinations = itertools.product(*values.values())
        return [self.make(recipe, **dict(zip(values, each, strict=True))) for each in combinations]

    def leave_out(self, *names: str, by: str) -> None:
        """Raises ``InputError`` if one of these flags is set, which another one decides."""
        for name in names:
            if self.says(name):
                raise InputError(f"leave out --{name}: {by} says it already, got {self[name]!r}")

    def need(self, what: str, *names: str) -> None:
        """Raises ``InputError`` if one of these flags is set without what it needs."""
        for name in names:
            if self.says(name):
                raise InputError(f"--{name} needs {what}, got {self[name]!r}")


def takes(
    *recipes: type,
    without: tuple[str, ...] = (),
    defaults: Mapping[str, object] | None = None,
    types: Mapping[str, str] | None = None,
    each: tuple[str, ...] = (),
) -> Callable[[Callable], Callable]:
    """Makes the fields of recipes flags of a command, before its own ones.

    The command is written as a function of `Given`, whose keyword-only parameters are flags that no
    recipe has. A field that several recipes have is one flag. Its help is what the first of them
    says under "Attributes:", unless the function's docstring has an entry of that name.

    Args:
        *recipes: frozen dataclasses.
        without: fields that are no flags of this command.
        defaults: of flags that have another default, or none, in the recipes.
        types: of flags that allow for more than the recipes.
        each: flags that take several values separated by commas: the command is done once for each
            combination of them. Its function then checks all that can be known to be wrong without
            TensorFlow, which a pruner's options cannot, and returns the work: so much has been
            checked of every combination before anything starts.

    Returns:
        A decorator. The function that it gives has all flags as keyword-only parameters and in its
        docstring; Fire reads both.

    Raises:
        TypeError: when the command is defined: a flag without default or help, one that is declared
            twice, or something said about a flag that is none.

    Example:
        >>> from pns_tf.recipe.search import SeekSettings
        >>> @takes(SeekSettings, without=("options",), defaults={"epochs": 20})
        ... def train(given: Given, *, out: str = "results"):
        ...     '''Trains.
        ...
        ...     Args:
        ...         out: folder of all results.
        ...     '''
        ...     return given["epochs"], given["rounds"], given.changed, out
        >>> train(rounds=2, out="mine")
        (20, 2, ['rounds', 'out'], 'mine')
    """

    def decorate(function: Callable) -> Callable:
        flags: dict[str, inspect.Parameter] = {}
        helps: dict[str, str | None] = {}
        for recipe in recipes:
            texts = entries(recipe, "Attributes")
            for field in _fields(recipe):
                if field.name in without:
                    continue  # to make its default may take long
                flag = _parameter(field, defaults or {}, types or {}, field.name in each)
                if flag.default != flags.get(field.name, flag).default:
                    raise TypeError(f"{function.__name__}: recipes disagree about {field.name}")
                if field.name not in flags:
                    flags[field.name] = flag
                    helps[field.name] = texts.get(field.name)
        own = list(inspect.signature(function).parameters.values())[1:]
        if twice := flags.keys() & {parameter.name for parameter in own}:
            raise TypeError(f"{function.__name__}: recipes have {sorted(twice)} already")
        flags |= {parameter.name: parameter for parameter in own}
        said = entries(function, "Args")
        named = {*said, *(defaults or {}), *(types or {}), *each}
        _check(function.__name__, flags, helps | said, named)
        signature = inspect.Signature(list(flags.values()))

        @functools.wraps(function)
        def command(**values):
            bound = signature.bind(**values)
            usual = {name: _default(flags[name]) for name in flags}
            said = {name: _value(flags[name], value) for name, value in bound.arguments.items()}

            def call(values: Mapping[str, object]) -> Any:
                given = Given(function.__name__, values, usual, _written(said))
                return function(given, **{flag.name: given[flag.name] for flag in own})

            if not each:
                return call(usual | said)
            lists = {name: dict.fromkeys(_listed(name, (usual | said)[name])) for name in each}
            works = [
                call(usual | said | dict(zip(lists, values, strict=True)))
                for values in itertools.product(*lists.values())
            ]
            for number, work in enumerate(works):
                print(end="\n" if number else "")
                work()

        command.__signature__ = signature  # type: ignore[attr-defined]
        texts = {name: str((helps | said)[name]) for name in flags}
        texts |= {name: f"{texts[name].rstrip('.')}; or several, with commas." for name in each}
        command.__doc__ = _composed(function, texts)
        return command

    return decorate


def command_line(command: Callable, given: Mapping[str, object]) -> str:
    """The line that calls a command with all these flags, like `Given.line`."""
    parameters = inspect.signature(command).parameters.values()
    return _line(command.__name__, given, {each.name: each.default for each in parameters})


def _line(command: str, values: Mapping[str, object], defaults: Mapping[str, object]) -> str:
    words = ["python", "-m", "pns_tf", command]
    for name, default in defaults.items():
        value = values[name]
        said = ",".join(map(str, value)) if isinstance(value, tuple | list) else value
        if value is True and default is not True:
            words.append(f"--{name}")
        elif value != default:
            words.append(f"--{name}={said}")
    return shlex.join(words)


def entries(described: object, section: str) -> dict[str, str]:
    """What a docstring says of each name in a section such as "Args", each in one line.

    A class also has the entries of those that it is made from.

    Example:
        >>> entries(takes, "Args")["without"]
        'fields that are no flags of this command.'
    """
    found: dict[str, str] = {}
    for one in reversed(described.__mro__) if isinstance(described, type) else [described]:
        name = None
        for line in _section(one.__doc__ or "", section)[1]:
            start = re.match(r" {4}(\w+): *(.*)", line)
            if start:
                name = start[1]
                found[name] = start[2]
            elif name and line.strip():
                found[name] = f"{found[name]} {line.strip()}"
    return {name: text.replace("``", "") for name, text in found.items()}


def _section(doc: str, name: str) -> tuple[list[str], list[str], list[str]]:
    """The lines of a docstring before, in and after a section."""
    lines = inspect.cleandoc(doc).splitlines()
    if f"{name}:" not in lines:
        return lines, [], []
    start = lines.index(f"{name}:")
    rest = (i for i in range(start + 1, len(lines)) if lines[i] and not lines[i].startswith(" "))
    end = next(rest, len(lines))
    return lines[:start], lines[start + 1 : end], lines[end:]


def _composed(function: Callable, helps: Mapping[str, str]) -> str:
    before, _, after = _section(function.__doc__ or "", "Args")
    # Fire takes a further line with a colon for another entry, so each has one line.
    described = [f"    {name}: {text}" for name, text in helps.items()]
    args = ["Args:", *described] if described else []
    return "\n".join(["\n".join(before).rstrip(), "", *args, "", *after]).rstrip() + "\n"


def _fields(recipe: Any) -> list[dataclasses.Field]:
    return [field for field in dataclasses.fields(recipe) if field.init]


def _listed(name: str, value: object) -> list:
    """One or several values of a flag; no list at all is refused by what the flag is for."""
    together = isinstance(value, tuple | list) or (isinstance(value, str) and "," in value)
    values = several(value) if together else [value]
    if not values:
        raise InputError(f"{name} needs a value, got {value!r}")
    return values


def _parameter(
    field: dataclasses.Field,
    defaults: Mapping[str, object],
    types: Mapping[str, str],
    each: bool,
) -> inspect.Parameter:
    default: Any = inspect.Parameter.empty
    if field.name in defaults:
        default = defaults[field.name]
    elif field.default is not dataclasses.MISSING:
        default = field.default
    elif field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    kind = types.get(field.name, field.type)
    kind = f"{kind} | tuple" if each and "tuple" not in str(kind) else kind
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
    )


def _value(parameter: inspect.Parameter, value: object) -> object:
    """What Fire leaves as one word, such as ``snip,my.module:Mine``, is several values."""
    together = "tuple" in str(parameter.annotation) and isinstance(value, str) and "," in value
    return tuple(several(value)) if together else value


def _written(said: Mapping[str, object]) -> list[str]:
    """The flags that are given something."""
    return [name for name, value in said.items() if value is not None]


def _default(parameter: inspect.Parameter) -> object:
    default = parameter.default
    return type(default)(default) if isinstance(default, dict | list) else default


def _check(
    command: str,
    flags: Mapping[str, inspect.Parameter],
    helps: Mapping[str, str | None],
    named: set[str],
) -> None:
    if unknown := sorted(named - flags.keys()):
        raise TypeError(f"{command} says something about {unknown}, which are no flags of it")
    for name, parameter in flags.items():
        if parameter.default is inspect.Parameter.empty:
            raise TypeError(f"{command} needs a default for {name}")
        if not helps.get(name):
            raise TypeError(f"{command} needs a help text for {name}")
