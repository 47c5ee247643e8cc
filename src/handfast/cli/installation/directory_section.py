"""The `[directory]` part of a settings file: built, and put in the place of the one there was. Texts only."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handfast.cli.installation.settings_file import quoted

_HEADER = re.compile(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?")


@dataclass(frozen=True, slots=True)
class Server:
    """One domain controller as it is written: `address` None where DNS knows it."""

    name: str
    address: str | None = None
    port: int = 636


@dataclass(frozen=True, slots=True)
class DirectoryAnswers:
    """What `handfast directory init` must know."""

    servers: tuple[Server, ...]
    bind_user: str
    password_file: Path
    ca_file: Path | None = None
    base: str = ""
    account_filter: str = ""


def build_section(answers: DirectoryAnswers) -> str:
    """The section's text, without anything that stands at its default."""
    lines = ["[directory]", f"bind_user = {quoted(answers.bind_user)}"]
    lines.append(f"bind_password_file = {quoted(answers.password_file)}")
    if answers.ca_file is not None:
        lines.append(f"ca_file = {quoted(answers.ca_file)}")
    if answers.base:
        lines.append(f"base = {quoted(answers.base)}")
    if answers.account_filter:
        lines.append(f"account_filter = {quoted(answers.account_filter)}")
    for server in answers.servers:
        lines += ["", "[[directory.server]]", f"name = {quoted(server.name)}"]
        lines += [f"address = {quoted(server.address)}"] if server.address else []
        lines += [f"port = {server.port}"] if server.port != 636 else []
    return "\n".join(lines) + "\n"


def has_section(text: str) -> bool:
    """Whether a settings file speaks of a directory. Raises: tomllib.TOMLDecodeError."""
    return "directory" in tomllib.loads(text)


def put_section(text: str, section: str) -> str:
    """The file with `section` at its end, in place of any there was; every other line stays as it is.

    Raises: ValueError where the old one can't be told apart by its lines; then a person must.
    """
    kept: list[str] = []
    waiting: list[str] = []  # comments that may speak of the section after ours
    is_ours = False
    for line in text.splitlines(keepends=True):
        header = _HEADER.fullmatch(line.rstrip("\r\n"))
        if header:
            is_ours = header[1] == "directory" or header[1].startswith("directory.")
        if not is_ours:
            kept += [*waiting, line]
            waiting = []
        elif line.lstrip().startswith("#"):
            waiting.append(line)
        else:
            waiting = []
    remaining = "".join(kept)
    put = (remaining.rstrip("\n") + "\n\n" if remaining.strip() else "") + section
    if _others(put) != _others(text):
        raise ValueError("the [directory] section can't be told apart from the rest of the file")
    return put


def put_kdcs(text: str, servers: Sequence[Server]) -> str:
    """The file with the controllers as KDCs too, where it has a [kerberos] section that does not say who they are: where
    /etc/hosts stands for DNS nobody else does. Controllers of Active Directory are KDCs, on port 88.
    """
    kerberos = tomllib.loads(text).get("kerberos", {})
    if not kerberos or "kdcs" in kerberos or "krb5_conf" in kerberos:
        return text
    line = f"kdcs = [{', '.join(quoted(_as_kdc(one)) for one in servers)}]\n"
    put = "".join(
        one + line if one.split("#")[0].strip() == "[kerberos]" else one
        for one in text.splitlines(keepends=True)
    )
    data = tomllib.loads(put)
    data["kerberos"].pop("kdcs", None)
    return put if data == tomllib.loads(text) else text


def _as_kdc(server: Server) -> str:
    where = server.address or server.name
    return f"[{where}]" if ":" in where else where


def _others(text: str) -> dict[str, object]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(str(error)) from None
    return {key: value for key, value in data.items() if key != "directory"}
