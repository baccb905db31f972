"""The fixtures of tests that ask a service."""

from scripted_server import reply, service_at, stub

__all__ = ["reply", "service_at", "stub"]
