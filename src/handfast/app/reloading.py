"""Whether a reload may begin: the settings are judged before any child is told, so that all take them or none."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from handfast.app.directory_setup import directory_problems
from handfast.app.restart_needs import start_values, waiting_for_restart
from handfast.observability.logging import event_log
from handfast.settings.check_files import named_files
from handfast.settings.load import load_settings
from handfast.settings.model import Settings
from handfast.settings.problems import Problem, SettingsError, shown

_LOG = event_log("supervisor")


class ReloadCheck:
    """Judges the settings file of a service that began with `started_with`, before each reload."""

    def __init__(self, path: Path, started_with: Settings) -> None:
        self._path = path
        self._started_with = started_with
        self._directory = started_with.directory
        """As identity has it open: one that stays as it is need not be one that could be opened now."""

    def problems(self) -> list[str]:
        """Why the file can't be taken now; where there is nothing, logs what only a restart can change."""
        try:
            settings = load_settings(self._path).settings
        except SettingsError as error:
            return [str(problem) for problem in error.problems]
        if _doors(settings) != _doors(self._started_with):
            return ["listener names and addresses change only by a restart: restart, or put them back"]
        problems = [*_missing_files(settings), *_unusable_certificates(settings)]
        if settings.directory != self._directory:
            problems += directory_problems(settings)
        if problems:
            return [str(problem) for problem in problems]
        self._directory = settings.directory
        waiting = waiting_for_restart(start_values(self._started_with), settings)
        if waiting:
            remedy = "restart the service, or put them back; everything else counts from now on"
            _LOG.warning("reload-partial", waits_for_restart=waiting, remedy=remedy)
        return []


def _doors(settings: Settings) -> list[tuple[str, str]]:
    return [(listener.name, listener.address) for listener in settings.listeners]


def _missing_files(settings: Settings) -> Iterator[Problem]:
    for path, file in named_files(settings):
        try:
            is_missing = not file.exists()
        except OSError:  # a folder we may not enter; the process that reads the file perhaps may
            is_missing = False
        if is_missing:
            yield Problem(path, shown(str(file)), "does not exist", "put the file there, or correct the path")


def _unusable_certificates(settings: Settings) -> Iterator[Problem]:
    """Files that are no certificate, or a key that is another certificate's.

    What we may not read ourselves is left to the workers: their user may.
    """
    for index, listener in enumerate(settings.listeners):
        for certificate, key in [(listener.certificate, listener.key), *listener.more_certificates]:
            if certificate is None or key is None or not (certificate.is_file() and key.is_file()):
                continue
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                    certificate, key, password=_no_password
                )
            except PermissionError:
                continue
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                reason = getattr(error, "reason", None) or str(error)
                yield Problem(
                    f"listener[{index}].certificate",
                    shown(str(certificate)),
                    f"can't be used with the key {key}: {reason}",
                    "put a PEM certificate and its own key there, without a passphrase",
                )


def _no_password() -> str:
    """OpenSSL would ask at the terminal. Raises: ValueError, always."""
    raise ValueError("the key has a passphrase")
