"""The systemd units, hardened. packaging/systemd holds what these functions build for the default paths.

The service runs as its own user and never as root. Port 443 comes by CAP_NET_BIND_SERVICE; CAP_SETUID and CAP_SETGID let
the supervisor start the gateway workers under their own user. Every child gives all capabilities up before it does
anything else (`handfast.cli.privileges`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from handfast.cli.installation.answers import SERVICE_USER, WORKER_USER, Answers


@dataclass(frozen=True, slots=True)
class Role:
    """One way to run: its verb, user and capabilities."""

    name: str
    verb: str
    description: str
    user: str
    capabilities: tuple[str, ...]
    keeps_records: bool


ROLES = (
    Role(
        "handfast",
        "serve",
        "Handfast: pre-authenticating gateway with device partnership",
        SERVICE_USER,
        ("CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"),
        keeps_records=True,
    ),
    Role(
        "handfast-gateway",
        "gateway",
        "Handfast gateway (identity runs on another machine)",
        WORKER_USER,
        ("CAP_NET_BIND_SERVICE",),
        keeps_records=False,
    ),
    Role(
        "handfast-identity",
        "identity",
        "Handfast identity (gateways run on other machines)",
        SERVICE_USER,
        (),
        keeps_records=True,
    ),
)

_HARDENING = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077
"""


_HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"))
"""What ProtectHome=yes hides from a service. Source: systemd.exec(5)."""


def find_hidden(needed: Iterable[Path]) -> Path | None:
    """The first of these files that a service of ours could not see, by any link on the way; None where it sees all."""
    return next(
        (one for one in needed for at in (one, one.resolve()) if any(map(at.is_relative_to, _HIDDEN))), None
    )


def build_units(answers: Answers, program: str = "/usr/local/bin/handfast") -> dict[str, str]:
    """File name -> text of each unit. `program` is the absolute path of the `handfast` command."""
    return {f"{role.name}.service": build_unit(role, answers, program) for role in ROLES}


def build_unit(role: Role, answers: Answers, program: str) -> str:
    """The text of one unit."""
    capabilities = " ".join(role.capabilities)
    conflicts = " ".join(f"{one.name}.service" for one in ROLES if one is not role)
    # Paths a unit manages itself get their owner and mode from systemd; others are only opened for writing.
    paths = _folders(role, answers)
    return f"""\
[Unit]
Description={role.description}
After=network-online.target
Wants=network-online.target
Conflicts={conflicts}

[Service]
Type=exec
User={role.user}
Group={role.user}
{_groups(role)}ExecStartPre={_escaped(program)} settings check --no-files --settings {_escaped(str(answers.settings_file))}
ExecStart={_escaped(program)} {role.verb} --settings {_escaped(str(answers.settings_file))}
ExecReload={_escaped(program)} settings check --no-files --settings {_escaped(str(answers.settings_file))}
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
TimeoutStopSec=60
Restart=always
RestartSec=1
LimitNOFILE=262144
LimitCORE=0
{paths}AmbientCapabilities={capabilities}
CapabilityBoundingSet={capabilities}
{_HARDENING}
[Install]
WantedBy=multi-user.target
"""


def _groups(role: Role) -> str:
    """Settings, TLS keys and gateway.sock belong to the workers' group, so that both users reach them and others don't."""
    return f"SupplementaryGroups={WORKER_USER}\n" if role.user == SERVICE_USER else ""


def _folders(role: Role, answers: Answers) -> str:
    lines: list[str] = []
    if str(answers.runtime) == "/run/handfast":
        lines += ["RuntimeDirectory=handfast", "RuntimeDirectoryMode=0755"]
        if role.keeps_records:
            # The memory of Kerberos tickets that were taken must outlive a restart, or each could be shown again.
            lines.append("RuntimeDirectoryPreserve=restart")
    else:
        lines.append(f"ReadWritePaths={_escaped(str(answers.runtime))}")
    if role.keeps_records:
        if str(answers.data) == "/var/lib/handfast":
            lines += ["StateDirectory=handfast", "StateDirectoryMode=0700"]
        else:
            lines.append(f"ReadWritePaths={_escaped(str(answers.data))}")
    return "".join(f"{one}\n" for one in lines)


def _escaped(text: str) -> str:
    """An argument as systemd reads it (systemd.service(5), "Command lines")."""
    text = text.replace("%", "%%").replace("$", "$$")
    if any(one in text for one in " \t\"'\\;"):
        text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text
