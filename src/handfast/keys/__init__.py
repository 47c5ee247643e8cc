"""Adapters for what must stay secret: the key file, the key ring over it, slow hashes, and the PKI of gateway nodes."""
