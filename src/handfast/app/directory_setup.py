"""Whether identity could open the directory that settings name, for whoever must know it before identity tries."""

from __future__ import annotations

from handfast.settings.model import Settings
from handfast.settings.problems import Problem


def directory_problems(settings: Settings) -> list[Problem]:
    """Why it could not; no controller is asked.

    Identity alone would refuse such settings, and the gateways, which know nothing of the directory, would take them.
    """
    if not settings.directory.servers or settings.gateway.identity is not None:
        return []
    from handfast.directory import DirectorySetupError, check_setup

    try:
        check_setup(settings.directory)
    except DirectorySetupError as error:
        return [Problem("directory", "", error.problem, error.remedy)]
    return []
