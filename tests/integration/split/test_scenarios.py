"""Every scenario on two machines: `handfast gateway` in the DMZ, `handfast identity` on the LAN."""

from __future__ import annotations

import pytest

from tests.scenarios.activesync import SCENARIOS
from tests.split_installation import needs_root, split_site

pytestmark = pytest.mark.needs("ip", "curl")


@pytest.fixture(scope="module")
def site():
    needs_root()
    with split_site() as one:
        yield one


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_on_two_machines(site, scenario):
    scenario(site)
