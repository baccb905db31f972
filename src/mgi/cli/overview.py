"""What `mgi --help` says: the commands in groups, a line each, read from the first lines of their files."""

import ast
import pkgutil
from pathlib import Path

import mgi.commands

# A command belongs to the group that has its name, or else the first word of its name.
GROUPS = {
    "data": "preflight lock fetch gene cohort split check shard fit verify prepare",
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
    """The first line of a command's docstring; its file is parsed and not imported."""
    (folder,) = mgi.commands.__path__
    source = Path(folder, f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def overview() -> str:
    """All commands by group."""
    names = command_names()
    width = max(map(len, names))
    lines = ["usage: mgi COMMAND [--help]", "       mgi --version"]
    for group in GROUPS:
        lines += ["", f"{group}:"]
        lines += [f"  {name:{width}}  {summary_of(name)}" for name in names if group_of(name) == group]
    return "\n".join(lines)
