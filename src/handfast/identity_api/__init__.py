"""The APIs of the identity process, both ends: the gateway API (Unix socket, mutual TLS) and the admin API (Unix socket)."""
