from __future__ import annotations

import pytest

from tests.fakes.desk import Desk


@pytest.fixture
async def desk():
    desk = Desk()
    await desk(
        "account_add",
        account_user="alice",
        domain="CONTOSO",
        upn="alice@contoso.lab",
        display_name="Alice Adams",
    )
    await desk("account_add", account_user="bob", domain="CONTOSO", upn="bob@contoso.lab")
    return desk
