"""Pick one command, load only that one, and turn its errors into one line and an exit code.

Loading lazily keeps torch out of the environments that only move data, and `mgi --help` quick.
"""

import argparse
import difflib
import errno
import importlib
import logging
import os
import sys
from types import ModuleType

from mgi import __version__
from mgi.cli.help import command_names, options_alone, overview
from mgi.core.errors import MgiError
from mgi.core.plugins import VARIABLE, load_plugins

DISK_AND_PERMISSION_EXIT = 6
_HELP = ("-h", "--help")


def main(argv: list[str] | None = None) -> int:
    """Run the first argument as a command with the others (of the program, where none are handed in).

    Returns the exit code. A command's `run` returns nothing, or the code of an answer that is no failure (`lock-diff`:
    1, the locks differ).
    """
    argv = sys.argv[1:] if argv is None else argv
    name = argv[0] if argv else ""
    if name == "--version":
        print(f"mgi {__version__}")
        return 0
    if name in ("", *_HELP):
        print(overview())
        return 0 if argv else 2
    if name not in command_names():
        print(f"mgi: {_unknown(name)}", file=sys.stderr)
        return 2
    if any(each in _HELP for each in argv[1:]):
        print(parser_of(options_alone(name)).format_help(), end="")
        return 0
    return _run(name, argv[1:])


def _run(name: str, argv: list[str]) -> int:
    command = importlib.import_module(f"mgi.commands.{name.replace('-', '_')}")
    args = parser_of(command).parse_args(argv)
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


def parser_of(command: ModuleType) -> argparse.ArgumentParser:
    """What reads a command's options."""
    name = command.__name__.rpartition(".")[2].replace("_", "-")
    parser = argparse.ArgumentParser(
        prog=f"mgi {name}", description=command.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_options(parser)
    return parser


def _unknown(name: str) -> str:
    """Name the known command that is most like it."""
    close = difflib.get_close_matches(name.replace("_", "-"), command_names(), n=1)
    meant = f"; did you mean '{close[0]}'?" if close else ";"
    return f"unknown command '{name}'{meant} mgi --help lists all"


def _fail(name: str, message: str, code: int) -> int:
    print(f"mgi {name}: {' '.join(message.split())}", file=sys.stderr)
    return code


def _describe(error: OSError) -> str:
    """Say which path and what the system answered; a full disk is named as such."""
    where = f"{error.filename}: " if error.filename else ""
    code = errno.errorcode.get(error.errno or 0, "error")
    return f"{where}{error.strerror or os.strerror(error.errno or 0) or error} ({code})"
