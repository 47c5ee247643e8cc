"""Autodiscover answers made fit for outside: every server and URL in them is a published one, or the answer stays here."""
