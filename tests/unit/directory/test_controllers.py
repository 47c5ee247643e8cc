"""How long a call may take."""

from __future__ import annotations

import ssl
import time

import pytest

from handfast.directory.controllers import Controller, Link
from handfast.directory.session import Address, ControllerFailed, Session

TIMEOUT_SECONDS = 0.05


async def test_what_is_given_patience_may_take_several_timeouts():
    address, context = Address("dc1", "127.0.0.1", 636), ssl.create_default_context()
    controller = Controller(address, context, TIMEOUT_SECONDS)
    link = Link(controller, Session(address, context, TIMEOUT_SECONDS))
    try:
        await link.call(lambda _: time.sleep(3 * TIMEOUT_SECONDS), patience=100)
        with pytest.raises(ControllerFailed, match="no answer within"):
            await link.call(lambda _: time.sleep(3 * TIMEOUT_SECONDS))
    finally:
        controller.close()
