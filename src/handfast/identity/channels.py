"""The doors a client can knock at, and the sets of doors that an app password opens."""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """The kind of door. A publication's rules name one each; a password's profile names the ones it opens."""

    ACTIVESYNC = "activesync"
    AUTODISCOVER = "autodiscover"
    EWS = "ews"
    MAPI = "mapi"
    OAB = "oab"
    LYNCDISCOVER = "lyncdiscover"
    WEB_TICKET = "web-ticket"
    UCWA = "ucwa"
    SIP = "sip"
    WEB = "web"


class Profile(StrEnum):
    """The ready-made sets of channels an app password may be issued for."""

    PHONE = "phone"
    OUTLOOK = "outlook"
    SKYPE = "skype"


PROFILE_CHANNELS: dict[Profile, frozenset[Channel]] = {
    Profile.PHONE: frozenset({Channel.ACTIVESYNC, Channel.AUTODISCOVER}),
    Profile.OUTLOOK: frozenset({Channel.AUTODISCOVER, Channel.EWS, Channel.MAPI, Channel.OAB}),
    Profile.SKYPE: frozenset(
        {Channel.LYNCDISCOVER, Channel.WEB_TICKET, Channel.UCWA, Channel.AUTODISCOVER, Channel.EWS}
    ),
}

DEVICE_CHANNELS = frozenset({Channel.ACTIVESYNC, Channel.UCWA, Channel.SIP, Channel.WEB_TICKET})
"""Channels whose protocol carries a device id. All others are companions: they pass only beside an active device."""
