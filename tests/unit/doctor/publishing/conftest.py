"""Brings the doctor's world (real certificates, real servers on loopback) to its tests."""

from tests.fakes.doctor_world import serve

__all__ = ["serve"]
