from __future__ import annotations

from handfast.identity.channels import DEVICE_CHANNELS, PROFILE_CHANNELS, Channel, Profile


def test_every_profile_opens_doors_and_none_opens_all():
    assert set(PROFILE_CHANNELS) == set(Profile)
    for channels in PROFILE_CHANNELS.values():
        assert channels
        assert channels < set(Channel)


def test_a_phones_password_opens_no_exchange_web_services():
    assert PROFILE_CHANNELS[Profile.PHONE] == {Channel.ACTIVESYNC, Channel.AUTODISCOVER}
    assert Channel.ACTIVESYNC not in PROFILE_CHANNELS[Profile.OUTLOOK]


def test_only_what_carries_a_device_id_may_pair():
    assert Channel.ACTIVESYNC in DEVICE_CHANNELS
    assert not DEVICE_CHANNELS & {Channel.AUTODISCOVER, Channel.EWS, Channel.MAPI, Channel.OAB}
