"""The parent process: it owns the listening sockets, starts identity and gateway workers, restarts what dies,
passes reload and stop on. It parses nothing that comes from a network.
"""
