"""A fingerprint of the code behind a command, so that an edit of it reruns exactly its jobs.

Snakemake does not see the modules that a shell command imports. The fingerprint covers the command's static import
closure within our packages, imports inside functions included, data files below a module's folder that it names (a
kernel's source, a template), and a package that it names as a program to start (`python -m`). Comments, docstrings and
layout are left out: `ast.unparse` drops or unifies them. What was parsed is kept from run to run (`keep_parsed`).
"""

import ast
import atexit
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mgi.core.files import atomic_path

PACKAGES = ("mgi", "mgi_standin")
PYTHON = (".py", ".pyc", ".pyi")
MOST_KEPT = 4096


@dataclass(frozen=True)
class Module:
    """What one module imports from the package, and the digest of what it does."""

    imports: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Parsed:
    """What the text of a module says by itself: names that it imports, files that it may name, and what it does."""

    targets: tuple[str, ...]
    names: frozenset[str]
    does: str


_parsed: dict[str, Parsed] = {}


def keep_parsed(path: Path) -> None:
    """Take what an earlier run parsed from this file, and add to it at the end: 500 modules take two seconds.

    A text is recognised by its SHA-256. What another Python or other code of this module has kept is passed over, as is
    a file that cannot be read or written.
    """
    maker = f"{sys.version} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["maker"] == maker:
            _parsed.update({key: Parsed(tuple(a), frozenset(b), c) for key, (a, b, c) in kept["modules"].items()})
    except (OSError, ValueError, KeyError, TypeError):
        pass
    atexit.register(_write_parsed, path, maker, set(_parsed))


def _write_parsed(path: Path, maker: str, known: Set[str]) -> None:
    if _parsed.keys() == known:
        return
    newest = list(_parsed.items())[-MOST_KEPT:]
    modules = {key: (one.targets, sorted(one.names), one.does) for key, one in newest}
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_path(path) as unfinished:
            unfinished.write_text(json.dumps({"maker": maker, "modules": modules}), encoding="utf-8")
    except OSError:
        return


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
    entries += [found for path in plugins.values() for found in _imports(source, parse(path).targets)]
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
    """One module; a second question in the same process is answered from memory."""
    path = _file_of(source, name)
    assert path is not None, name
    parsed = parse(path)
    data = [other.name.encode() + b"\0" + other.read_bytes() for other in _named_data_files(path, parsed.names)]
    digest = hashlib.sha256(b"\0".join([parsed.does.encode(), *data])).hexdigest()
    return Module(tuple(sorted(_imports(source, parsed.targets))), digest)


def parse(path: Path) -> Parsed:
    """What the text of a module says; one that was parsed before is not parsed again."""
    content = path.read_bytes()
    key = hashlib.sha256(content).hexdigest()
    if key not in _parsed:
        tree = ast.parse(content, filename=str(path))
        nodes = list(ast.walk(tree))
        strings = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
        names = frozenset(text.rsplit("/", 1)[-1] for text in strings if "." in text)
        targets = tuple(sorted({target for node in nodes for target in _targets(node)}))
        _drop_docstrings(nodes)
        _parsed[key] = Parsed(targets, names, hashlib.sha256(ast.unparse(tree).encode()).hexdigest())
    return _parsed[key]


def _imports(source: Path, targets: Iterable[str]) -> set[str]:
    return {each for target in targets for each in _with_packages(source, target)}


@cache
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


def _named_data_files(path: Path, names: frozenset[str]) -> Iterator[Path]:
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
