"""`python -m handfast` and the `handfast` command."""

from __future__ import annotations

import atexit
import gc


def main() -> None:
    """Run the command line."""
    # What is loaded stays until the end, and then the whole process goes: looking through it for garbage finds nothing.
    atexit.register(gc.freeze)
    from handfast.cli import app  # noqa: PLC0415 - keep start-up of `--help` light

    app()


if __name__ == "__main__":
    main()
