"""A wrong password of Handfast's own account, and an identity that is started again and again: the domain hears it once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.installation import Installation, prepare
from tests.servers.processes import server_directory
from tests.servers.samba import NEEDS, DomainController
from tests.servers.samba_domain import service_password

pytestmark = NEEDS

STARTS = 3


@pytest.fixture
def site(fresh_dc: DomainController) -> Iterator[Installation]:
    with server_directory("handfast") as home:
        site = prepare(home, backend="http://127.0.0.1:1", workers=1)
        site.write_settings(more=fresh_dc.settings())
        try:
            yield site
        finally:
            site.stop()


def test_a_wrong_password_costs_one_failure_however_often_identity_starts(
    fresh_dc: DomainController, site: Installation
) -> None:
    file = fresh_dc.password_file()
    file.write_text("Mistyped-1\n")
    for start in range(1, STARTS + 1):
        site.start()
        assert site.wait_for_log_line("directory-unavailable", "not tried again", count=start)
        site.stop()
    assert fresh_dc.value("svc-read", "badPwdCount") == "1"

    file.write_text(service_password("svc-read") + "\n")
    site.start()
    site.wait_for_account("alice")
