"""A fingerprint of the code behind a command, so that an edit of it reruns exactly its jobs.

Snakemake does not see the modules that a shell command imports. The fingerprint covers the command's static import
closure within our packages, imports inside functions included, data files below a module's folder that it names (a
kernel's source, a template), and a package that it names as a program to start (`python -m`). Comments, docstrings and
layout are left out: `ast.unparse` drops or unifies them.
"""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGES = ("mgi", "mgi_standin")
PYTHON = (".py", ".pyc", ".pyi")


@dataclass(frozen=True)
class Module:
    """What one module imports from the package, and the digest of what it does."""

    imports: tuple[str, ...]
    digest: str


def fingerprint(source: Path, command: str, *modules: str) -> str:
    """Short digest of the code that a command of one of our packages may run; `source` is the folder that holds them.

    `modules` are those that it loads by name: of our packages, or a plugin, whose bytes count as they are.
    Raises FileNotFoundError where there is no such command.
    """
    commands = [f"{package}.commands.{command.replace('-', '_')}" for package in PACKAGES]
    entry = next((name for name in commands if _file_of(source, name) is not None), None)
    if entry is None:
        raise FileNotFoundError(f"{source}: no module {' or '.join(commands)} for the command '{command}'")
    plugins = {name: Path(sys.modules[name].__file__ or "") for name in modules if name.split(".")[0] not in PACKAGES}
    entries = [entry, *(name for name in modules if name not in plugins)]
    entries += [
        found for path in plugins.values() for found in _imports(source, ast.walk(ast.parse(path.read_bytes())))
    ]
    lines = [f"{name} {read_module(source, name).digest}\n" for name in closure(source, *entries)]
    lines += [f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for name, path in sorted(plugins.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def closure(source: Path, *entries: str) -> list[str]:
    """Names of all modules of our packages that `entries` import, directly or not, themselves included, sorted."""
    found: set[str] = set()
    waiting = [name for entry in entries for name in _with_packages(source, entry)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(read_module(source, name).imports)
    return sorted(found)


@cache
def read_module(source: Path, name: str) -> Module:
    """Parse one module; a second question in the same process is answered from memory."""
    path = _file_of(source, name)
    assert path is not None, name
    tree = ast.parse(path.read_bytes(), filename=str(path))
    nodes = list(ast.walk(tree))
    imports = _imports(source, nodes)
    data = [other.name.encode() + b"\0" + other.read_bytes() for other in _named_data_files(path, nodes)]
    _drop_docstrings(nodes)
    return Module(tuple(sorted(imports)), hashlib.sha256(b"\0".join([ast.unparse(tree).encode(), *data])).hexdigest())


def _imports(source: Path, nodes: Iterable[ast.AST]) -> set[str]:
    targets = (target for node in nodes for target in _targets(node))
    return {each for target in targets for each in _with_packages(source, target)}


def _file_of(source: Path, name: str) -> Path | None:
    stem = source.joinpath(*name.split("."))
    candidates = (stem.with_name(stem.name + ".py"), stem / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _with_packages(source: Path, name: str) -> list[str]:
    """The module and the packages above it, whose `__init__` runs too; what is not ours, or no module, is left out."""
    parts = name.split(".")
    names = [".".join(parts[:end]) for end in range(1, len(parts) + 1)] if parts[0] in PACKAGES else []
    return [each for each in names if _file_of(source, each) is not None]


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Constant) and node.value in PACKAGES[1:]:  # what a module names, it starts as a program
        return [f"{node.value}.__main__"]
    return []


def _named_data_files(path: Path, nodes: list[ast.AST]) -> Iterator[Path]:
    strings = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    names = {text.rsplit("/", 1)[-1] for text in strings if "." in text}
    for other in sorted(path.parent.rglob("*")):
        if other.name in names and other.suffix not in PYTHON and other.is_file():
            yield other


def _drop_docstrings(nodes: list[ast.AST]) -> None:
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # A text that stands alone does nothing: a docstring, or the description of an attribute.
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)
