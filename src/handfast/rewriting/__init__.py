"""Transformers: pure functions from a back end's answer (or a client's request) to what may pass. Sans-io."""
