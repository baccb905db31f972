"""The reference page of the Python API, from the docstrings of what `mgi/__init__.pyi` lists; nothing is imported."""

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import mgi

PACKAGE = Path(mgi.__file__).parent
WIDTH = 100
HEAD = """\
# Reference: Python

This page is made from the docstrings by `python -m mgi config --write`.

These names are the public interface: they keep their meaning until the changelog says otherwise. Everything else may
change. `import mgi` loads no library; each name is loaded when it is first used, such as `mgi.Mamba`. What networks and
slices need is the extra `train`. Examples: [how to use it](../how-to/python.md).
"""
_HEADING = re.compile(r"^# (.+)$")
_IMPORT = re.compile(r"^from (\S+) import (\w+) as \w+$")


def api_page() -> str:
    """The page as Markdown: a heading for each comment of the list, and below it each name with signature and text."""
    return HEAD + "".join(_parts()).rstrip() + "\n"


def _parts() -> Iterator[str]:
    for line in (PACKAGE / "__init__.pyi").read_text(encoding="utf-8").splitlines():
        if heading := _HEADING.match(line):
            yield f"\n## {heading[1]}\n"
        if found := _IMPORT.match(line):
            yield _entry(found[2], _defined(found[1], found[2]))


def _defined(module: str, name: str) -> ast.FunctionDef | ast.ClassDef:
    """Where a name is defined."""
    path = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (node,) = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name)
    return node


def _entry(name: str, node: ast.FunctionDef | ast.ClassDef) -> str:
    lines = [f"\n### `mgi.{name}`\n\n", f"```python\n{_signature(name, node)}\n```\n\n", _text(node)]
    members = [] if isinstance(node, ast.FunctionDef) else list(_members(node))
    if members:
        lines += ["\n| member | is |\n| --- | --- |\n", *(f"| {name} | {text} |\n" for name, text in members)]
    return "".join(lines)


def _signature(name: str, node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.FunctionDef):
        return _call(f"def {name}", node)
    bases = [ast.unparse(base) for base in node.bases]
    if any("dataclass" in ast.unparse(one) for one in node.decorator_list) or {*bases} & {"NamedTuple", "TypedDict"}:
        fields = [ast.unparse(one) for one in node.body if isinstance(one, ast.AnnAssign)]
        return _in_lines(f"class {name}", fields)
    init = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
    if init is not None:
        return _call(f"class {name}", init)
    return f"class {name}({', '.join(bases)})" if bases else f"class {name}"


def _call(name: str, node: ast.FunctionDef) -> str:
    returned = "" if node.returns is None or node.name == "__init__" else f" -> {ast.unparse(node.returns)}"
    args = node.args
    first = len(args.args) - len(args.defaults)
    defaults = [None] * first + list(args.defaults)
    given = [_parameter(arg, default) for arg, default in zip(args.args, defaults, strict=True) if arg.arg != "self"]
    if args.kwonlyargs:
        given.append("*")
        given += [_parameter(arg, default) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    return _in_lines(name, given, returned)


def _parameter(arg: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(arg) + ("" if default is None else f" = {ast.unparse(default)}")


def _in_lines(name: str, given: Sequence[str], returned: str = "") -> str:
    """A signature on one line, or with a line for each parameter."""
    line = f"{name}({', '.join(given)}){returned}"
    return line if len(line) <= WIDTH else "\n".join([f"{name}(", *(f"    {one}," for one in given), f"){returned}"])


def _members(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Fields, properties and methods that a program may use, each with the first sentence of what is said of it."""
    for one in node.body:
        if isinstance(one, ast.FunctionDef) and not one.name.startswith("_") and one.name != "forward":
            is_property = any(ast.unparse(each).endswith("property") for each in one.decorator_list)
            call = one.name if is_property else f"{one.name}({', '.join(arg.arg for arg in one.args.args[1:])})"
            said = inspect.cleandoc(ast.get_docstring(one) or "").partition("\n\n")[0]
            yield f"`{call}`", " ".join(said.split()).replace("|", "\\|")


def _text(node: ast.FunctionDef | ast.ClassDef) -> str:
    """The docstring as Markdown: its examples and its indented formulas as code, all else as it is."""
    return "\n\n".join(map(_block, (ast.get_docstring(node) or "").split("\n\n"))) + "\n"


def _block(text: str) -> str:
    if text.startswith(">>>"):
        return f"```pycon\n{text}\n```"
    if text.startswith("    "):
        return text
    # Stars that multiply are no emphasis, and angle brackets no tags; what stands in backticks is code.
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([*_])", r"\\\1", part.replace("<", "&lt;")) for part in parts
    )
