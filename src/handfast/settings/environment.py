"""Overrides from the environment: `HANDFAST__SECTION__KEY` for every key of a table that is no array of tables."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from handfast.settings.model import Settings
from handfast.settings.problems import Problem, shown

PREFIX = "HANDFAST__"


def apply_environment(data: dict[str, Any], environment: Mapping[str, str]) -> list[Problem]:
    """Lays the overrides over the parsed file, in place. What can't be laid is returned as problems."""
    problems: list[Problem] = []
    for variable in sorted(environment):
        if variable.startswith(PREFIX):
            # Bytes that are not UTF-8 arrive as lone surrogates, which no file could hold.
            text = environment[variable].encode(errors="replace").decode()
            problem = _apply(data, variable, text)
            if problem is not None:
                problems.append(problem)
    return problems


def _apply(data: dict[str, Any], variable: str, text: str) -> Problem | None:
    model: type[BaseModel] | None = Settings
    table = data
    *sections, key = variable.removeprefix(PREFIX).lower().split("__")
    for section in sections:
        field = find_field(model, section) if model else None
        inner = _table_type(field) if field else None
        if field is None or inner is None:
            return _unknown(variable, text, section, model, found=field)
        model = inner
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            return Problem(
                variable, "", f"the file has a value at {section}", "make it a table, or unset this"
            )
    field = find_field(model, key) if model else None
    if field is None or _table_type(field) is not None or _is_array(field):
        return _unknown(variable, text, key, model, found=field)
    value = _value(field, text)
    table[key] = value
    return None


def find_field(model: type[BaseModel], key: str) -> FieldInfo | None:
    """The field that a TOML key names, by its alias where it has one."""
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            return field
    return None


def keys_of(model: type[BaseModel]) -> list[str]:
    """The TOML keys of a table."""
    return [field.alias or name for name, field in model.model_fields.items()]


def nearest(key: str, known: list[str]) -> str:
    """A remedy for an unknown key: the nearest known one, or all of them."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(known)}"


def _unknown(
    variable: str, text: str, key: str, model: type[BaseModel] | None, *, found: FieldInfo | None
) -> Problem:
    if found is None:
        known = keys_of(model) if model else []
        return Problem(variable, shown(text, variable), f'unknown key "{key}"', nearest(key, known))
    if _table_type(found) is not None:
        remedy = f"name a key of it: {variable}__KEY"
    else:
        remedy = "set it in the settings file; arrays can't be set from the environment"
    return Problem(variable, shown(text, variable), f'"{key}" takes no single value', remedy)


def _alternatives(annotation: Any) -> list[Any]:
    if get_origin(annotation) in {Union, UnionType}:
        return list(get_args(annotation))
    return [annotation]


def _table_type(field: FieldInfo) -> type[BaseModel] | None:
    for one in _alternatives(field.annotation):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def _is_array(field: FieldInfo) -> bool:
    return any(get_origin(one) is tuple for one in _alternatives(field.annotation))


def _value(field: FieldInfo, text: str) -> object:
    """Numbers and truth values are written as in TOML; everything else is the text itself."""
    if not set(_alternatives(field.annotation)) & {int, float, bool}:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except tomllib.TOMLDecodeError:
        return text
