from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.cli.bind_refusals import SharedRefusals
from handfast.settings.load import load_settings

USER = "svc-read@contoso.lab"


@pytest.fixture
def shared(line):
    return SharedRefusals(load_settings(line.settings_file).settings)


async def test_refusals_are_asked_of_and_told_to_identity(line, shared):
    line.administration.answers["bind_password_find"] = {"times": 2, "seconds_ago": 60.0}
    assert await shared.find(USER, "wrong") == (2, timedelta(minutes=1))
    await shared.keep(USER, "wrong", 3, timedelta(hours=1))
    await shared.forget(USER, "wrong")
    words = {"user": USER, "password": "wrong"}
    assert line.administration.calls == [
        ("bind_password_find", words),
        ("bind_password_refused", {**words, "times": 3, "lasts_seconds": 3600.0}),
        ("bind_password_accepted", words),
    ]


async def test_where_the_records_can_not_be_reached_nothing_is_known(line, shared, refusal):
    line.administration.answers["bind_password_find"] = refusal("unavailable", "no key file")
    assert await shared.find(USER, "wrong") is None
    line.administration.answers["bind_password_find"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await shared.find(USER, "wrong")
