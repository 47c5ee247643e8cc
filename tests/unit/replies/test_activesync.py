from __future__ import annotations

import pytest

from handfast.replies.activesync import status_of
from handfast.replies.families import Family


def test_our_own_mistake_is_503_and_an_unknown_command_400():
    assert status_of(Family.INTERNAL, 500) == 503
    assert status_of(Family.COMMAND, 403) == 400


@pytest.mark.parametrize("family", [one for one in Family if one not in {Family.INTERNAL, Family.COMMAND}])
def test_everything_else_is_as_in_plain_http(family):
    assert status_of(family, 418) == 418
