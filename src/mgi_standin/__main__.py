"""Entry point of `python -m mgi_standin`: one of two commands, its errors as one line and an exit code."""

import sys
import traceback
from types import ModuleType

from mgi_standin.errors import UNEXPECTED, ResourceError, StandInError, line_of


def _command(name: str) -> ModuleType | None:
    """The module of a command; only that one is loaded, for the service must start at once."""
    if name == "archive":
        from mgi_standin.commands import archive

        return archive
    if name == "simulate":
        from mgi_standin.commands import simulate

        return simulate
    return None


def main(argv: list[str]) -> int:
    """Run `argv[0]` with the remaining arguments; return the exit code."""
    name = argv[0] if argv else "--help"
    command = _command(name)
    if command is None:
        wanted = name in ("-h", "--help")
        print("usage: python -m mgi_standin {archive,simulate} [--help]", file=sys.stdout if wanted else sys.stderr)
        return 0 if wanted and argv else 2
    parser = command.parser()
    parser.prog = f"python -m mgi_standin {name}"
    args = parser.parse_args(argv[1:])
    try:
        command.run(args)
    except StandInError as error:
        return _fail(name, str(error), error.exit_code)
    except OSError as error:
        return _fail(name, line_of(error), ResourceError.exit_code)
    except KeyboardInterrupt:
        return _fail(name, "interrupted", 130)
    except MemoryError as error:
        return _fail(name, f"out of memory {error}: raise the rule's mem_mb", ResourceError.exit_code)
    except Exception as error:  # noqa: BLE001 - the last resort
        traceback.print_exception(error)
        said = f"{type(error).__name__}: {str(error)[:200]}"
        return _fail(name, f"unexpected error, a mistake of this program: {said}; its trace is above", UNEXPECTED)
    return 0


def _fail(name: str, message: str, code: int) -> int:
    print(f"mgi_standin {name}: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
