"""`python -m handfast` and the `handfast` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from handfast.cli import app  # noqa: PLC0415 - keep start-up of `--help` light

    app()


if __name__ == "__main__":
    main()
