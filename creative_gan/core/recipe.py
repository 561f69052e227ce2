"""Recipes: TOML to frozen dataclasses, with errors that name the key and suggest the right one."""

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from creative_gan.core.errors import UserError

R = TypeVar("R")
_BYTES = 100_000
_DOTS = 500  # the parser's time and memory grow with the square of a dotted key


def setting(
    default: Any = dataclasses.MISSING,
    choices: Iterable[str] = (),
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A dataclass field with the values that it may take; without a default it must be given."""
    return dataclasses.field(default=default, metadata={"choices": tuple(choices), "low": low, "high": high})


def load(
    cls: type[R], path: Path, overrides: Sequence[str] = (), test: bool = False, given: dict | None = None
) -> R:
    """Reads a recipe file into `cls`.

    Args:
        path: the TOML file.
        overrides: `key.of.a.part=value` strings, as `--set` gives them; values are TOML or bare words.
        test: apply the recipe's own `[test]` table (dotted keys), which makes it run in seconds.
        given: dotted keys with values that came from command-line options.

    Raises:
        UserError: unreadable, not TOML, an unknown key, a wrong type or value.
    """
    table = table_of(path)
    shortened = table.pop("test", {})
    for key, value in (shortened if test else {}).items():
        put(table, key, value)
    for key, value in (given or {}).items():
        put(table, key, value)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise UserError(f"--set wants KEY=VALUE, as in game.batch=32, not {override!r}")
        put(table, key.strip(), _value(text.strip()))
    return parse(cls, table)


def table_of(path: Path) -> dict[str, Any]:
    """What a recipe file holds, whatever kind it is of. Raises UserError: unreadable, or not TOML."""
    try:
        if path.stat().st_size > _BYTES:
            raise UserError(f"recipe {path} is larger than {_BYTES // 1000} kB, too large for a recipe")
        text = path.read_text(encoding="utf-8")
        if max(line.count(".") for line in text.split("\n")) > _DOTS:
            raise ValueError("a line with more dots than any key has")
        return tomllib.loads(text)
    except OSError as error:
        raise UserError(f"recipe {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number of thousands of digits
        raise UserError(f"recipe {path} is not TOML: {error}") from None


def shipped_folder() -> Path:
    """Where the shipped recipes are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def shipped_names() -> list[str]:
    """All shipped recipes, as `image/digits`."""
    root = shipped_folder()
    return sorted(p.relative_to(root).with_suffix("").as_posix() for p in root.glob("*/*.toml"))


def locate(name: str, modality: str | None = None) -> Path:
    """The file of a shipped recipe or of the user's own.

    Args:
        name: `image/digits`, `digits`, or a path that ends in .toml.
        modality: whose recipe `digits` is; None: there must be one of that name only.

    Raises:
        UserError: there is none.
    """
    own = Path(name)
    if own.suffix == ".toml":
        if not own.is_file():
            raise UserError(f"there is no recipe file {name}")
        return own
    known = shipped_names()
    full = [known_as for known_as in known if name in (known_as, known_as.partition("/")[2])]
    if modality and "/" not in name:
        full = [known_as for known_as in full if known_as == f"{modality}/{name}"]
    if len(full) > 1:
        raise UserError(f"there are several recipes {name!r}; say which: {', '.join(full)}")
    if not full:
        by_name = {k.partition("/")[2]: k for k in known if not modality or k.startswith(f"{modality}/")}
        near = difflib.get_close_matches(name.rpartition("/")[2], by_name, 1)
        hint = f"did you mean {by_name[near[0]]!r}?" if near else "`creative-gan recipes list` shows them"
        raise UserError(f"there is no recipe {name!r}; {hint}")
    return shipped_folder() / f"{full[0]}.toml"


def put(table: dict, dotted: str, value: Any) -> None:
    """Sets `a.b.c` in nested tables, making the tables that are missing."""
    *parts, last = dotted.split(".")
    for part in parts:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise UserError(f"{dotted!r}: {part!r} is a value, not a table")
    table[last] = value


def dotted(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """The keys of a table as `put` takes them: `{"width": 8}` of `network` as `{"network.width": 8}`."""
    return {f"{name}.{key}": value for key, value in table.items()}


def parse(cls: type[R], table: dict, path: str = "") -> R:
    """Builds the dataclass `cls` from a table; `path` is its dotted name in messages."""
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"did you mean {path + near[0]!r}?" if near else f"known keys: {', '.join(fields)}"
            raise UserError(f"unknown key {_shown(path + key)}; {hint}")
    hints = typing.get_type_hints(cls)
    values = {key: _convert(hints[key], value, path + key, fields[key]) for key, value in table.items()}
    for name, field in fields.items():
        missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if missing and name not in values:
            if dataclasses.is_dataclass(hints[name]):
                values[name] = parse(hints[name], {}, f"{path}{name}.")
            else:
                raise UserError(f"key {path + name!r} is missing; add it to the recipe or give --set")
    try:
        return cls(**values)
    except ValueError as error:  # the dataclass's own cross-checks
        raise UserError(str(error)) from None


def to_toml(recipe: Any) -> str:
    """The whole recipe as TOML, every setting written out, which `parse` reads back to an equal one."""
    plain: list[str] = []
    tables: list[str] = []

    def write(value: Any, name: str) -> None:
        simple = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        lines = [f"{k} = {_toml(v)}" for k, v in simple.items() if not _is_table(v) and v is not None]
        (tables.append(f"[{name}]") if name else None)
        (tables if name else plain).extend([*lines, ""])
        for key, part in simple.items():
            dotted = f"{name}.{key}" if name else key
            if dataclasses.is_dataclass(part):
                write(part, dotted)
            elif _is_table(part):
                for item in part:
                    body = [f"{f.name} = {_toml(getattr(item, f.name))}" for f in dataclasses.fields(item)]
                    tables.extend([f"[[{dotted}]]", *body, ""])

    write(recipe, "")
    return "\n".join([*plain, *tables]).rstrip() + "\n"


def differences(mine: Any, theirs: Any, path: str = "") -> list[str]:
    """Dotted keys in which two recipes of one kind differ."""
    found = []
    for f in dataclasses.fields(mine):
        a, b = getattr(mine, f.name), getattr(theirs, f.name)
        if dataclasses.is_dataclass(a):
            found += differences(a, b, f"{path}{f.name}.")
        elif a != b:
            found.append(path + f.name)
    return found


def _convert(kind: Any, value: Any, key: str, field: dataclasses.Field) -> Any:
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise UserError(f"{key!r} must be a table, [{key}], not {_shown(value)}")
        return parse(kind, value, key + ".")  # type: ignore[arg-type]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        kinds = [k for k in arguments if k is not type(None)]
        for candidate in kinds[:-1]:
            try:
                return _convert(candidate, value, key, field)
            except UserError:
                continue
        return _convert(kinds[-1], value, key, field)
    if origin is tuple:
        items = value if isinstance(value, list | tuple) else [value]
        if Ellipsis not in arguments and len(items) != len(arguments):
            raise UserError(f"{key!r} must have {len(arguments)} values, not {len(items)}")
        return tuple(_convert(arguments[0], item, f"{key}[{i}]", field) for i, item in enumerate(items))
    if kind is float and type(value) is int and abs(value) < 2**1000:
        value = float(value)
    if not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or abs(value) >= 2**63)):
        raise UserError(f"{key!r} must be {_NAMES[kind]}, not {_shown(value)}")
    choices, low, high = (field.metadata.get(k) for k in ("choices", "low", "high"))
    if choices and value not in choices:
        near = difflib.get_close_matches(str(value), choices, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UserError(f"{key!r} must be one of {', '.join(map(str, choices))}, not {_shown(value)}{hint}")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        bounds = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
        raise UserError(f"{key!r} must be {bounds}, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    """A value in a message."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # of a number of thousands of digits
        return "what it is"
    return text if len(text) <= 100 else text[:100] + "…"


_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text  # a bare word is a text: --set game.loss=hinge


def _is_table(value: Any) -> bool:
    listed = isinstance(value, tuple) and bool(value) and dataclasses.is_dataclass(value[0])
    return dataclasses.is_dataclass(value) or listed


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = "".join(_ESCAPES.get(c) or (c if ord(c) >= 32 else f"\\u{ord(c):04x}") for c in value)
        return f'"{escaped}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value)


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\x7f": "\\u007f"}
