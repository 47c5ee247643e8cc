"""The reference page and the JSON schema, generated from the model: what it says is what is checked."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from handfast.settings.model import Settings

_INTRODUCTION = """\
# Settings

One TOML file: `--settings FILE`, else the file `HANDFAST_SETTINGS` names, else `/etc/handfast/handfast.toml`.
Environment variables `HANDFAST__SECTION__KEY` override keys of tables (`HANDFAST__IDENTITY__NTLM__DNS_DOMAIN`); arrays
(`[[listener]]`, `[[publication]]`, `[[policy]]`, lists) can't be set from the environment. Unknown keys are errors, and
`handfast settings check` shows every problem at once. Secrets never stand in the file: keys that need one end in
`_file` and name a file.

This page is written by `handfast settings reference`; do not edit it.
"""


def json_schema() -> dict[str, Any]:
    """The JSON schema of the file (draft 2020-12), for editors that complete TOML."""
    return Settings.model_json_schema(by_alias=True)


def reference_markdown() -> str:
    """The page docs/settings.md."""
    parts = [_INTRODUCTION]
    for name, field in Settings.model_fields.items():
        parts += _table(field.alias or name, field)
    return "\n".join(parts)


def _table(path: str, field: FieldInfo) -> list[str]:
    model, is_array = _find_model(field.annotation)
    assert model is not None
    heading = f"`[[{path}]]`" if is_array else f"`[{path}]`"
    lines = [f"## {heading}\n", f"{_one_line(field.description)}\n"]
    lines += ["| key | takes | default | meaning |", "|---|---|---|---|"]
    inner: list[str] = []
    for name, one in model.model_fields.items():
        key = one.alias or name
        if _find_model(one.annotation)[0] is not None:
            inner += _table(f"{path}.{key}", one)
        else:
            lines.append(f"| `{key}` | {_kind(one)} | {_default(one)} | {_one_line(one.description)} |")
    return [*lines, "", *inner]


def _find_model(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for one in get_args(annotation):
        model, _ = _find_model(one)
        if model is not None:
            return model, get_origin(annotation) is tuple
    return None, False


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None:
        return "not set"
    return f"`{_toml(field.default)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f'"{value}"'


def _kind(field: FieldInfo) -> str:
    limits = [text for one in field.metadata if (text := _limit(one))]
    return ", ".join([_type_name(field.annotation), *limits])


def _limit(constraint: object) -> str:
    match constraint:
        case Ge(ge=least):
            return f"at least {least}"
        case Gt(gt=below):
            return f"above {below}"
        case Le(le=most):
            return f"at most {most}"
        case Lt(lt=above):
            return f"below {above}"
        case MaxLen(max_length=length):
            return f"at most {length} characters"
    return ""


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{one}"`' for one in get_args(annotation))
    if get_origin(annotation) is tuple:
        inner = get_args(annotation)[0]
        return "list of pairs of paths" if get_origin(inner) is tuple else f"list of {_type_name(inner)}"
    names = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    if annotation in names:
        return names[annotation]
    arguments = [one for one in get_args(annotation) if one is not type(None) and isinstance(one, type)]
    return _type_name(arguments[0]) if arguments else "path"
