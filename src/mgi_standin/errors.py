"""What can go wrong, one class per kind of remedy, with the exit codes of `mgi`."""

import errno

UNEXPECTED = 70
"""Exit code of a mistake in the program, as in sysexits.h."""


class StandInError(Exception):
    """A failure that a user can act on."""

    exit_code = 1


class ConfigError(StandInError):
    """A setting is unknown, missing, or of the wrong type."""

    exit_code = 2


class BadInputError(StandInError):
    """A file does not hold what its format promises."""

    exit_code = 5


class ResourceError(StandInError):
    """The machine refuses: disk, permission, port."""

    exit_code = 6


def line_of(error: OSError) -> str:
    """The path, what the system answered, and the name of its code."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error} ({errno.errorcode.get(error.errno or 0, 'error')})"
