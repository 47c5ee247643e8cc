"""Bytes to values and back. No input or output, clock, randomness, settings or logging in here."""
