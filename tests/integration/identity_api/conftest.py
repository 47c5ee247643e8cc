"""Both event loops: the service runs on uvloop, whose transports differ in detail from asyncio's."""

import asyncio

import uvloop


def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
