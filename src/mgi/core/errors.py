"""What can go wrong, one class per kind of remedy; the command line turns each into one line and an exit code."""


class MgiError(Exception):
    """Any failure that a user can act on."""

    exit_code = 1


class ConfigError(MgiError):
    """A setting is unknown, missing, or of the wrong type or range."""

    exit_code = 2


class NetworkError(MgiError):
    """A service could not be reached or kept failing."""

    exit_code = 3


class IntegrityError(MgiError):
    """Bytes are not the bytes that were promised (size, digest, count)."""

    exit_code = 4


class BadInputError(MgiError):
    """A file does not hold what its format promises, or what its reader can use."""

    exit_code = 5


class ResourceError(MgiError):
    """The machine refuses: disk, permission, port, memory."""

    exit_code = 6
