"""Every scenario on one machine: `handfast serve`."""

from __future__ import annotations

import pytest

from tests.installation import installation
from tests.lab_server import lab_server
from tests.scenarios.activesync import SCENARIOS
from tests.scenarios.site import Site

pytestmark = pytest.mark.needs("curl")


@pytest.fixture(scope="module")
def site():
    with lab_server() as exchange, installation(backend=exchange.url) as one:
        yield Site(one, one, exchange)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_on_one_machine(site, scenario):
    scenario(site)
