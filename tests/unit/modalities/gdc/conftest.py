"""The fixtures of tests that ask a service."""

from scripted_server import _dicom_slice, _zip_of, reply, service_at, stub

__all__ = ["_dicom_slice", "_zip_of", "reply", "service_at", "stub"]
