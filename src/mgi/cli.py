"""Pick one command, load only that one, and turn its errors into one line and an exit code.

Loading lazily keeps torch out of the environments that only move data.
"""

import errno
import importlib
import logging
import os
import pkgutil
import sys

import mgi.commands
from mgi.core.errors import MgiError
from mgi.core.plugins import VARIABLE, load_plugins

DISK_AND_PERMISSION_EXIT = 6


def command_names() -> list[str]:
    """Names of all commands, as typed, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(mgi.commands.__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def main(argv: list[str]) -> int:
    """Run `argv[0]` with the remaining arguments; return the exit code.

    A command's `run` returns nothing, or the code of an answer that is no failure (`lock-diff`: 1, the locks differ).
    """
    names = command_names()
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: python -m mgi COMMAND [--help]\n\ncommands:\n  " + "\n  ".join(names))
        return 0 if argv else 2
    name = argv[0]
    if name not in names:
        print(f"mgi: unknown command '{name}'; one of: {', '.join(names)}", file=sys.stderr)
        return 2
    command = importlib.import_module(f"mgi.commands.{name.replace('-', '_')}")
    parser = command.parser()
    parser.prog = f"python -m mgi {name}"
    args = parser.parse_args(argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        load_plugins(filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)))
        return command.run(args) or 0
    except MgiError as error:
        return _fail(name, str(error), error.exit_code)
    except OSError as error:
        return _fail(name, _describe(error), DISK_AND_PERMISSION_EXIT)
    except KeyboardInterrupt:
        return _fail(name, "interrupted", 130)


def _fail(name: str, message: str, code: int) -> int:
    print(f"mgi {name}: {' '.join(message.split())}", file=sys.stderr)
    return code


def _describe(error: OSError) -> str:
    """Say which path and what the system answered; a full disk is named as such."""
    where = f"{error.filename}: " if error.filename else ""
    code = errno.errorcode.get(error.errno or 0, "error")
    return f"{where}{error.strerror or os.strerror(error.errno or 0) or error} ({code})"
