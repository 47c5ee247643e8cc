"""Reads the settings file and explains everything that is wrong with it at once."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from handfast.protocols.printed import posix_word
from handfast.settings.access import AccessSettings, RoleSettings
from handfast.settings.base import Section
from handfast.settings.check import Draft, draft_of, find_problems, find_warnings
from handfast.settings.directory import DirectorySettings, KerberosSettings
from handfast.settings.environment import apply_environment, find_field, keys_of, nearest
from handfast.settings.gateway import GatewaySettings, ListenerSettings
from handfast.settings.identity import IdentitySettings
from handfast.settings.model import Settings
from handfast.settings.operations import MetricsSettings
from handfast.settings.problems import Problem, SettingsError, dotted, shown
from handfast.settings.publication import PolicySettings, PublicationSettings

__all__ = [
    "DEFAULT_PATH",
    "Loaded",
    "Problem",
    "SettingsError",
    "load_settings",
    "parse_settings",
    "settings_path",
]

DEFAULT_PATH = Path("/etc/handfast/handfast.toml")
ENVIRONMENT_PATH = "HANDFAST_SETTINGS"
MAX_FILE_BYTES = 4 * 1024 * 1024
"""No settings file is larger; a device or a wrong path may be."""

_POSITION = re.compile(r"(.*) \(at (line \d+, column \d+|end of document)\)", re.DOTALL)
_S = TypeVar("_S", bound=Section)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Sound settings, where they came from, and what looks odd in them."""

    settings: Settings
    path: Path
    warnings: tuple[Problem, ...] = ()


def settings_path(path: Path | None, environment: Mapping[str, str] | None = None) -> Path:
    """The file to read: the one given, else `HANDFAST_SETTINGS`, else /etc/handfast/handfast.toml."""
    if path is not None:
        return path
    named = (os.environ if environment is None else environment).get(ENVIRONMENT_PATH)
    return Path(named) if named else DEFAULT_PATH


def load_settings(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """The settings of this installation; `environment` is the process's own unless given.

    Raises: SettingsError, with every problem.
    """
    environment = os.environ if environment is None else environment
    file = settings_path(path, environment)
    settings, warnings = parse_settings(_read(file), environment)
    return Loaded(settings, file, warnings)


def parse_settings(
    text: str, environment: Mapping[str, str] | None = None
) -> tuple[Settings, tuple[Problem, ...]]:
    """(settings, warnings) of a file's text; `environment` lays over it. Raises: SettingsError."""
    data = _parse(text)
    problems = apply_environment(data, environment or {})
    settings: Settings | None = None
    try:
        settings = _validate(Settings, data)
    except ValidationError as error:
        problems += _explain_all(error)
    draft = draft_of(settings) if settings else _draft_from(data)
    problems += find_problems(draft)
    if problems or settings is None:
        raise SettingsError(problems)
    return settings, tuple(find_warnings(draft))


def _read(file: Path) -> str:
    name = str(file)
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        remedy = "`handfast init` writes one; or name yours with --settings FILE"
        raise SettingsError(
            [Problem(name, "", "no settings file is there", remedy)], is_missing=True
        ) from None
    except OSError as error:
        remedy = "run this as root, or name a file that you may read"
        if isinstance(error, PermissionError):
            remedy += f" (members of identity.admin_group: chmod o+r {posix_word(name)} lets you; passwords stand elsewhere)"
        raise SettingsError([Problem(name, "", error.strerror or "can't be read", remedy)]) from None
    if len(content) > MAX_FILE_BYTES:
        raise SettingsError([Problem(name, "", "larger than 4 MiB", "name a settings file")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            [Problem(f"line {line}", "", "not UTF-8 text", "save the file as UTF-8")]
        ) from None


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.fullmatch(str(error))
        problem, where = (found[1], found[2]) if found else (str(error), "the file")
        remedy = "correct the TOML there (text stands in quotes, tables in [brackets])"
        if problem.startswith(("Unescaped", "Invalid hex value")):
            remedy = r'write a backslash twice within "...": "CONTOSO\\Group"'
        raise SettingsError([Problem(where, "", problem, remedy)]) from None
    except RecursionError:
        raise SettingsError([Problem("the file", "", "nested too deeply", "see docs/settings.md")]) from None


def _validate(model: type[_S], data: Mapping[str, Any]) -> _S:
    # By way of JSON, because there strict means what it means for TOML: no number in quotes, no text for a truth value.
    return model.model_validate_json(json.dumps(data, default=str), strict=True)


def _draft_from(data: Mapping[str, Any]) -> Draft:
    """The sound parts of a file that is not sound as a whole."""
    policies = data.get("policy", [{}])
    return Draft(
        _sound_items(ListenerSettings, data.get("listener")),
        _sound_items(PublicationSettings, data.get("publication")),
        _sound_items(PolicySettings, policies),
        _names(data.get("listener"), ""),
        _names(policies, "default"),
        _sound(GatewaySettings, data.get("gateway", {})),
        _sound(IdentitySettings, data.get("identity", {})),
        _sound(MetricsSettings, data.get("metrics", {})),
        _names(data.get("publication"), ""),
        _sound_items(AccessSettings, data.get("access")),
        _sound_items(RoleSettings, data.get("role")),
        _sound(DirectorySettings, data.get("directory", {})),
        _sound(KerberosSettings, data.get("kerberos", {})),
    )


def _sound(model: type[_S], data: object) -> _S | None:
    try:
        return _validate(model, cast("Mapping[str, Any]", data))
    except ValidationError:
        return None


def _sound_items(model: type[_S], data: object) -> tuple[tuple[int, _S], ...]:
    items = [(index, _sound(model, one)) for index, one in enumerate(data if isinstance(data, list) else [])]
    return tuple((index, one) for index, one in items if one is not None)


def _names(data: object, default: str) -> frozenset[str]:
    tables = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
    return frozenset(str(one.get("name", default)) for one in tables)


_REMEDIES = {
    "missing": "add it",
    "string_type": "write it in quotes",
    "int_type": "write a whole number, without quotes",
    "int_from_float": "write a whole number",
    "float_type": "write a number, without quotes",
    "bool_type": "write true or false, without quotes",
    "tuple_type": 'write an array: ["...", "..."]',
    "path_type": "write a path in quotes",
    "model_type": "write it as a table: [name]",
    "too_short": "give at least one",
    "string_pattern_mismatch": "use lower-case letters, digits and hyphens, 63 at most",
    "finite_number": "write a number",
}


def _explain_all(error: ValidationError) -> list[Problem]:
    errors = error.errors(include_url=False)
    deeper = {one["loc"][:-1] for one in errors}
    # A list whose items were refused is empty afterwards; that it is now too short says nothing new.
    told = [one for one in errors if not (one["type"] == "too_short" and one["loc"] in deeper)]
    return [_explain(one, Settings) for one in told]


def _explain(error: ErrorDetails, model: type[BaseModel]) -> Problem:
    location = error["loc"]
    name = next((part for part in reversed(location) if isinstance(part, str)), "")
    path = dotted(location)
    if error["type"] == "extra_forbidden":
        table = _table_at(model, location[:-1])
        remedy = nearest(name, keys_of(table)) if table else "take it out"
        return Problem(path, shown(error["input"], name), "unknown key", remedy)
    if error["type"] == "missing":
        return Problem(path, "", "is required", f"add it: {_help(model, location)}")
    context = error.get("ctx", {})
    problem = error["msg"].replace("Input should be", "must be").replace("String should", "must")
    remedy = str(context.get("remedy") or _REMEDIES.get(error["type"]) or _help(model, location))
    return Problem(path, shown(error["input"], name), problem, remedy)


def _table_at(model: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel] | None:
    table: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, str) and table is not None:
            field = find_field(table, part)
            table = _model_within(field.annotation) if field else None
    return table


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The table behind `Table`, `Table | None` and `tuple[Table, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_within(one))), None)


def _help(model: type[BaseModel], location: tuple[str | int, ...]) -> str:
    names = tuple(part for part in location if isinstance(part, str))
    table = _table_at(model, names[:-1])
    field = find_field(table, names[-1]) if table and names else None
    text = (field.description or "") if field else ""
    return " ".join(text.split()) or "see docs/settings.md"
