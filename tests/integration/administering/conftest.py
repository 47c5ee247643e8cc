"""One installation for the tests of a module, with a simulated Exchange behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.installation import Installation, installation
from tests.lab_server import LabServer, lab_server


@pytest.fixture(scope="module")
def server() -> Iterator[LabServer]:
    with lab_server() as running:
        yield running


@pytest.fixture(scope="module")
def site(server: LabServer) -> Iterator[Installation]:
    with installation(backend=server.url, workers=1, publication="human_secrets = true") as running:
        yield running
