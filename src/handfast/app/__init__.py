"""The composition root: the one place that builds objects and connects them; maps settings to domain values.

The command line calls the functions below. Each loads only what it needs.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from handfast.settings.model import Settings

if TYPE_CHECKING:
    from handfast.app.offline import OfflineAdministration


def serve(settings_file: Path | None) -> None:
    """Supervisor, identity and gateway workers, until SIGTERM."""
    from handfast.app.serving import run

    run(settings_file, with_identity=True, with_gateway=True)


def gateway(settings_file: Path | None) -> None:
    """Gateway workers alone: identity is reached over mutual TLS."""
    from handfast.app.serving import run

    run(settings_file, with_identity=False, with_gateway=True)


def identity(settings_file: Path | None) -> None:
    """Identity alone: gateways reach it over mutual TLS."""
    from handfast.app.serving import run

    run(settings_file, with_identity=True, with_gateway=False)


def worker(kind: str, settings_file: Path | None) -> int:
    """One child of the supervisor; returns its exit code."""
    from handfast.app.metrics_files import reserve_metrics_files

    reserve_metrics_files()  # before anything imports the metrics
    from handfast.app.child import run_service

    if kind == "identity":
        from handfast.app.identity_process import IdentityProcess

        return run_service(settings_file, IdentityProcess)
    if kind == "gateway":
        from handfast.app.gateway_process import GatewayProcess

        return run_service(settings_file, GatewayProcess)
    raise ValueError(f"no worker of kind {kind!r}")


def demo(port: int, mode: str, ready_file: Path | None) -> None:
    """Everything on this machine, with a simulated Exchange and a simulated phone."""
    from handfast.app.demo import run_demo

    run_demo(port, mode, ready_file)


def open_offline_administration(settings: Settings) -> AbstractContextManager[OfflineAdministration]:
    """The administration while identity does not run. Raises: AdministrationError."""
    from handfast.app.offline import open_offline_administration as open_it

    return open_it(settings)
