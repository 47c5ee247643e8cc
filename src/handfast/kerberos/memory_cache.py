"""Ticket caches in memory that end with what was made from them.

GSS makes a named cache and closes it; to the library it is then still there, with its tickets, for whoever knows the name. Only
the library's own interface ends one, so that is called here, past python-gssapi. Source: MIT krb5 API, `krb5_cc_destroy`.
"""

from __future__ import annotations

import ctypes
import itertools
import weakref
from contextlib import suppress

_LIBRARY = "libkrb5.so.3"
"""MIT krb5, which libgssapi_krb5 has loaded by then."""
_numbers = itertools.count()


def new_name() -> str:
    """Of a cache that is not there yet; a name that was used before could still hold the tickets of then."""
    return f"MEMORY:handfast-{next(_numbers)}"


def end_with(holder: object, name: str) -> None:
    """Destroys the cache when `holder`, which uses it, is let go, and not at exit: then memory goes anyway."""
    weakref.finalize(holder, destroy, name).atexit = False


def destroy(name: str) -> None:
    """Whether it is there or not. Whoever still holds it finds it empty.

    With another library, or another version that lacks a call, caches stay until the process ends.
    """
    with suppress(OSError, AttributeError):
        _destroy(ctypes.CDLL(_LIBRARY), name)


def _destroy(library: ctypes.CDLL, name: str) -> None:
    context, cache = ctypes.c_void_p(), ctypes.c_void_p()
    if library.krb5_init_context(ctypes.byref(context)):
        return
    if not library.krb5_cc_resolve(context, name.encode(), ctypes.byref(cache)):
        library.krb5_cc_destroy(context, cache)
    library.krb5_free_context(context)
