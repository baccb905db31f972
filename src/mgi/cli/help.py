"""What help needs of the commands, read from their files: to import one takes seconds, and its libraries."""

import ast
import pkgutil
from pathlib import Path
from types import ModuleType

import mgi.commands

# A command belongs to the group that has its name, or else the first word of its name.
GROUPS = {
    "data": "preflight lock fetch gene cohort split check shard fit verify admit prepare",
    "train": "pretrain finetune",
    "evaluate": "predict-fold evaluate compare paper report native export",
    "use": "release predict config",
}


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
