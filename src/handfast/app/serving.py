"""`handfast serve`, `gateway` and `identity`: the supervisor with the children each of them needs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from handfast.app.metrics_files import METRICS_VARIABLE
from handfast.app.reloading import ReloadCheck
from handfast.app.restart_needs import leave_note, remove_note
from handfast.observability.logging import configure, event_log
from handfast.settings.load import load_settings
from handfast.settings.model import Settings
from handfast.supervisor.children import ChildSpec
from handfast.supervisor.sockets import open_listeners, refuse_connections
from handfast.supervisor.supervise import StartFailed, StartForbidden, Supervisor

METRICS_FOLDER = "metrics"
"""Within `identity.runtime_dir`: the children's metrics."""

_LOG = event_log("supervisor")


class CannotServe(Exception):
    """The service can't start; `message` says why, `remedy` what to do. The command line shows both."""

    kind = "unavailable"

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


async def serve_async(
    settings: Settings,
    path: Path,
    *,
    with_identity: bool,
    with_gateway: bool,
    on_ready: Callable[[], None] = lambda: None,
    stop: Callable[[Supervisor], None] = lambda _supervisor: None,
) -> None:
    """Serves until SIGTERM or SIGINT. `stop` is handed the supervisor, for callers that end it otherwise.

    Raises: CannotServe.
    """
    metrics_dir = settings.identity.runtime_dir / METRICS_FOLDER
    with contextlib.ExitStack() as stack:
        # The doors first: a second one beside a running service fails here, and has touched nothing of the first's.
        listeners = _open_doors(settings) if with_gateway else {}
        for listener in listeners.values():
            stack.callback(listener.close)
        environment = {METRICS_VARIABLE: str(metrics_dir)}
        descriptors = {name: listener.fileno() for name, listener in listeners.items()}
        groups = []
        if with_identity:
            groups.append([child(path, "identity", "identity", environment)])
        if with_gateway:
            groups.append(gateway_children(settings, path, descriptors, environment))
        supervisor = Supervisor(
            groups,
            stop_deadline_seconds=settings.gateway.stop_deadline_seconds,
            check_reload=ReloadCheck(path, settings).problems,
            on_ready=on_ready,
            on_stopping=lambda: refuse_connections(listeners.values()),
        )
        stop(supervisor)
        stack.callback(serve_health(settings, supervisor, metrics_dir))
        prepare_runtime(settings)
        leave_note(settings)
        stack.callback(remove_note, settings)
        await _run(supervisor, settings)


async def _run(supervisor: Supervisor, settings: Settings) -> None:
    """Raises: CannotServe."""
    try:
        await supervisor.run()
    except StartFailed as error:
        raise CannotServe(str(error), "mend what it said, then start again") from error
    except StartForbidden as error:
        raise CannotServe(
            f"workers can't run {sys.executable} as {settings.gateway.user!r}: {error}",
            "start as root or by the systemd unit of `handfast init`; that user must be able to run Handfast's Python",
        ) from error


def _open_doors(settings: Settings) -> dict[str, socket.socket]:
    """Raises: CannotServe."""
    try:
        return open_listeners((item.name, item.address) for item in settings.listeners)
    except OSError as error:
        raise CannotServe(str(error), "change `[[listener]] address`, or free the port") from error


def prepare_runtime(settings: Settings) -> Path:
    """The runtime directory, with an empty place for the children's metrics. Raises: CannotServe."""
    folder = settings.identity.runtime_dir
    metrics_dir = folder / METRICS_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(metrics_dir, ignore_errors=True)
        metrics_dir.mkdir(mode=0o700)
        heir = folder.stat().st_uid
        if os.geteuid() == 0 and heir != 0:
            # What root leaves behind when it serves for once, the folder's owner must be able to empty.
            os.chown(metrics_dir, heir, -1)
        if settings.gateway.user:
            # Workers run as another user than we do, and each writes files of its own; nobody else may.
            os.chown(metrics_dir, -1, pwd.getpwnam(settings.gateway.user).pw_gid)
            metrics_dir.chmod(0o1770)
    except KeyError:
        raise CannotServe(
            f"there is no user {settings.gateway.user!r}", "create it, or change `gateway.user`"
        ) from None
    except FileExistsError as error:
        raise CannotServe(
            f"{error.filename} is in the way, and can't be removed", f"as root: rm -r {error.filename}"
        ) from error
    except OSError as error:
        raise CannotServe(
            f"{folder} can't be used: {error.strerror}", "change `identity.runtime_dir`, or its owner"
        ) from error
    return metrics_dir


def child(
    path: Path,
    kind: str,
    name: str,
    environment: Mapping[str, str],
    *,
    descriptors: Sequence[int] = (),
    user: str = "",
) -> ChildSpec:
    """`handfast worker KIND` under this very interpreter."""
    arguments = (sys.executable, "-m", "handfast", "worker", kind, "--settings", str(path))
    return ChildSpec(name, arguments, tuple(descriptors), user, environment, _forget_metrics)


def _forget_metrics(pid: int) -> None:
    """A dead worker's connections and back ends are nobody's; its counts stay."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]


def gateway_children(
    settings: Settings, path: Path, descriptors: Mapping[str, int], environment: Mapping[str, str]
) -> list[ChildSpec]:
    """One worker a core, or as many as were set."""
    named = ",".join(f"{name}={descriptor}" for name, descriptor in descriptors.items())
    environment = {**environment, "HANDFAST_LISTENERS": named}
    count = settings.gateway.workers or os.cpu_count() or 1
    user = worker_user(settings)
    return [
        child(
            path,
            "gateway",
            f"gateway-{number}",
            environment,
            descriptors=tuple(descriptors.values()),
            user=user,
        )
        for number in range(count)
    ]


def worker_user(settings: Settings) -> str:
    """The account workers change to; "" where they stay ours. Raises: CannotServe where there is none of that name."""
    name = settings.gateway.user
    if not name:
        return ""
    try:
        wanted = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise CannotServe(
            f"gateway.user {name!r} does not exist", "create it, or change the setting"
        ) from None
    return "" if wanted == os.geteuid() else name


def serve_health(settings: Settings, supervisor: Supervisor, metrics_dir: Path) -> Callable[[], None]:
    """Starts `/metrics` and `/healthz` where they are wanted; the answer ends them. Raises: CannotServe."""
    if not settings.metrics.address:
        return lambda: None
    os.environ[METRICS_VARIABLE] = str(metrics_dir)
    from handfast.observability.metrics_server import serve_metrics

    def health() -> dict[str, bool]:
        return {str(row["name"]): bool(row["ready"]) for row in supervisor.status()}

    try:
        return serve_metrics(settings.metrics.address, health).close
    except OSError as error:
        raise CannotServe(
            f"metrics can't listen on {settings.metrics.address}: {error.strerror}",
            'change `metrics.address`, or set it to "" for none',
        ) from error


def run(settings_file: Path | None, *, with_identity: bool, with_gateway: bool) -> None:
    """The three verbs. Raises: SettingsError, CannotServe."""
    loaded = load_settings(settings_file)
    settings = loaded.settings
    configure(level=settings.log.level, form=settings.log.format, file=settings.log.file)
    for warning in loaded.warnings:
        _LOG.warning("settings", warning=str(warning))
    if with_identity and settings.gateway.identity is not None:
        raise CannotServe(
            "`[gateway.identity]` says that identity runs on another machine", "use `handfast gateway` here"
        )
    asyncio.run(serve_async(settings, loaded.path, with_identity=with_identity, with_gateway=with_gateway))
