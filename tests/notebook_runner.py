"""Run a notebook as its reader does, cell after cell, with other values for its parameters; no Jupyter is needed.

`python notebook_runner.py BOOK.ipynb NAME=VALUE …`: the values replace those of the cell tagged `parameters`.
"""

import ast
import json
import sys
from pathlib import Path
from typing import Any


def run(notebook: Path, values: dict[str, str]) -> dict[str, Any]:
    """The names that the cells leave; what a cell raises names the cell."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        where = f"{notebook.name}, cell {number}"
        exec(compile(tree, where, "exec"), names)
        if "parameters" in cell["metadata"].get("tags", []):
            if unknown := sorted(set(values) - set(names)):
                raise KeyError(f"{where}: no parameter {unknown[0]}")
            names |= values
    return names


if __name__ == "__main__":
    run(Path(sys.argv[1]), dict(one.split("=", 1) for one in sys.argv[2:]))
