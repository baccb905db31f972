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
import traceback
from pathlib import Path
from types import ModuleType

import mgi.commands
from mgi.core.errors import MgiError, ResourceError
from mgi.core.last_resort import UNEXPECTED, save_trace
from mgi.core.memory import is_out_of_memory, out_of_memory
from mgi.core.plugins import VARIABLE, load_plugins
from mgi.core.text import escaped, printable
from mgi.models.narrow_import import allow_narrow_imports

# A command belongs to the group that has its name, or else the first word of its name.
GROUPS = {
    "data": "preflight lock seal fetch gene cohort labels split check shard describe fit verify admit prepare",
    "train": "pretrain finetune",
    "evaluate": (
        "lesion embed embedding probe associate explain predict-fold tile evaluate compare paper report export import"
    ),
    "use": "release predict config cluster",
}
# Their memory is a key of the config.
IN_TRAINING = ("pretrain", "finetune", "predict-fold", "tile-attention", "embed")
# An error may name twenty items, and a line of megabytes helps nobody.
MOST_SAID = 8_000
TRAINING = "pip install torch torchvision timm monai segmentation-models-pytorch safetensors opencv-python-headless"
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
    """Run one command; whatever it raises ends as one line and an exit code."""
    try:
        command = importlib.import_module(f"mgi.commands.{name.replace('-', '_')}")
        args = parser_of(command).parse_args(argv)
        allow_narrow_imports()
        _log_plainly()
        load_plugins(filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)))
        return command.run(args) or 0
    except MgiError as error:
        return _fail(name, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail(name, "interrupted", 130)
    except ModuleNotFoundError as error:
        return _fail(name, *_not_installed(error, [name, *argv]))
    except Exception as error:  # noqa: BLE001 - the last resort
        return _fail(name, *_unforeseen(error, name, [name, *argv]))


def _not_installed(error: ModuleNotFoundError, argv: list[str]) -> tuple[str, int]:
    """What to say of a library that is not there, and the exit code; a module of our own is a mistake."""
    library = (error.name or "").partition(".")[0]
    if library in ("", *sys.stdlib_module_names, "mgi"):
        return _unforeseen(error, argv[0], argv)
    return f"{library} is not installed; for training and models: {TRAINING}", ResourceError.exit_code


def _unforeseen(error: Exception, name: str, argv: list[str]) -> tuple[str, int]:
    """What to say of an error that is none of ours, and its exit code."""
    if is_out_of_memory(error):
        setting = "compute.train_mem_mb" if name in IN_TRAINING else ""
        return out_of_memory(error, rule=name.replace("-", "_"), setting=setting), ResourceError.exit_code
    if isinstance(error, OSError) and (error.errno or error.filename):
        return _describe(error), ResourceError.exit_code
    path = save_trace(error, argv)
    if path is None:
        traceback.print_exception(error)
    where = "above" if path is None else f"in {path}"
    said = ": ".join(filter(None, [*getattr(error, "__notes__", ()), type(error).__name__, str(error)]))
    return f"unexpected error, a mistake of this program: {printable(said)}; its trace is {where}", UNEXPECTED


class _PlainLog(logging.Formatter):
    """A record's message, escaped: it may hold what a service said. Traces of libraries are left out."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(escaped(line) for line in record.getMessage().splitlines())


def _log_plainly() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PlainLog())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


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
    print(f"mgi {name}: {printable(message, MOST_SAID)}", file=sys.stderr)
    return code


def _describe(error: OSError) -> str:
    """Say which path and what the system answered; a full disk is named as such."""
    where = f"{error.filename}: " if error.filename else ""
    code = errno.errorcode.get(error.errno or 0, "error")
    return f"{where}{error.strerror or os.strerror(error.errno or 0) or error} ({code})"
