"""Reason to answer: the only folder that turns a reason into a status."""
