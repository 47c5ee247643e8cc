"""Handfast: a pre-authenticating gateway with device partnership for Exchange and Skype for Business."""

__version__ = "0.1.0"
