"""Each test here attacks one promise of the product; its partner takes the check out and sees the attack succeed.

A test that can't fail proves nothing: so every statement is a predicate over what an attack brought back, asserted to hold
with the product as it is, and to be broken once the function that enforces it is replaced.
"""

from __future__ import annotations

import uvloop

from tests.fakes.doctor_world import serve

__all__ = ["serve"]


def pytest_asyncio_loop_factories(config, item):
    return {"uvloop": uvloop.new_event_loop}
