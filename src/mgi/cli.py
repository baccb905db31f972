"""Pick one command, load only that one, and turn its errors into one line and an exit code.

Loading lazily keeps torch out of the environments that only move data. Help loads no command, which is quick: what it
says is read from their files.
"""

import argparse
import ast
import difflib
import errno
import importlib
import logging
import os
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

import mgi.commands
from mgi.core.errors import MgiError, ResourceError
from mgi.core.plugins import VARIABLE, load_plugins

# A command belongs to the group that has its name, or else the first word of its name.
GROUPS = {
    "data": "preflight lock seal fetch gene cohort split check shard fit verify admit prepare",
    "train": "pretrain finetune",
    "evaluate": "predict-fold evaluate compare paper report native export",
    "use": "release predict config",
}
_HELP = ("-h", "--help")


def main(argv: list[str] | None = None) -> int:
    """Run the first argument as a command with the others (of the program, where none are handed in).

    Returns the exit code. A command's `run` returns nothing, or the code of an answer that is no failure (`lock-diff`:
    1, the locks differ).
    """
    argv = sys.argv[1:] if argv is None else argv
    name = argv[0] if argv else ""
    if name == "--version":
        print(f"mgi {mgi.__version__}")
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
        return _fail(name, _describe(error), ResourceError.exit_code)
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


def command_names() -> list[str]:
    """Names of all commands, as typed, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(mgi.commands.__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def group_of(name: str) -> str:
    """The group of a command; raises KeyError where GROUPS has neither its name nor its first word."""
    groups = {word: group for group, words in GROUPS.items() for word in words.split()}
    return groups.get(name) or groups[name.partition("-")[0]]


def summary_of(name: str) -> str:
    """The first line of a command's docstring."""
    return (ast.get_docstring(_parsed(name)) or "").partition("\n")[0]


def options_alone(name: str) -> ModuleType:
    """A command's module with its docstring, `add_options`, and those imports and constants that this function uses."""
    tree = _parsed(name)
    adding = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "add_options")
    used = {node.id for node in ast.walk(adding) if isinstance(node, ast.Name)}
    module = ModuleType(f"mgi.commands.{name}", ast.get_docstring(tree))
    tree.body = [node for node in tree.body if node is adding or _names_bound_by(node) & used]
    exec(compile(tree, module.__name__, "exec"), vars(module))
    return module


def overview() -> str:
    """All commands by group."""
    names = command_names()
    width = max(map(len, names))
    lines = ["usage: mgi COMMAND [--help]", "       mgi --version"]
    for group in GROUPS:
        lines += ["", f"{group}:"]
        lines += [f"  {name:{width}}  {summary_of(name)}" for name in names if group_of(name) == group]
    return "\n".join(lines)


def _parsed(name: str) -> ast.Module:
    (folder,) = mgi.commands.__path__
    return ast.parse(Path(folder, f"{name.replace('-', '_')}.py").read_text(encoding="utf-8"))


def _names_bound_by(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    return {target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)}


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
