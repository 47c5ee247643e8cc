from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest

from handfast.identity.policies import DevicePolicy, LockoutPolicy


def test_lockout_by_default_is_10_50_and_100_in_15_minutes():
    policy = LockoutPolicy()
    limits = (policy.per_account_and_source, policy.per_account, policy.per_source)
    assert (limits, policy.window) == ((10, 50, 100), timedelta(minutes=15))
    assert policy.familiar_for == timedelta(days=30)


def test_devices_by_default_are_bounded():
    policy = DevicePolicy()
    assert (policy.device_limit, policy.pending_limit) == (10, 3)
    assert policy.companion_window == timedelta(hours=24)
    assert policy.inside_listeners == frozenset(), "nothing counts as inside unless it is named"


def test_a_policy_in_force_can_not_be_changed():
    with pytest.raises(FrozenInstanceError):
        DevicePolicy().device_limit = 1000
