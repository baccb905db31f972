"""Gene-and-image pre-training for glioma, from public archives to a table of Dice scores.

`__init__.pyi` lists what programs may call (docs/reference/api.md). Each name is loaded when it is first used, so that
`import mgi` loads no library.
"""

__version__ = "0.2.0.dev0"


def public_names() -> dict[str, str]:
    """Every name of the API and the module that defines it, in the order of `__init__.pyi`."""
    import ast
    from pathlib import Path

    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    return {
        alias.name: f"{node.module}" for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def __getattr__(name: str) -> object:
    import importlib

    module = None if name.startswith("_") else public_names().get(name)
    if module is None:
        raise AttributeError(f"module 'mgi' has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *public_names()})
