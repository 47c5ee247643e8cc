"""Handfast against nginx and Apache, in one run on loopback; `python -m benchmarks` writes docs/benchmarks.*."""
