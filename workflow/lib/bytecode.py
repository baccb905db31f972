"""Import once all that jobs import, so that Python keeps it compiled; `make setup` ends with this.

pip's own compilation takes minutes for twelve thousand files, of which a run imports a third. Without any, every job
compiles the same libraries again where PYTHONDONTWRITEBYTECODE is set, as in many containers. What is imported is read
from the sources: each import statement of the packages and of the workflow, those inside functions included.
"""

import ast
import compileall
import importlib
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

# What Snakemake and torch import themselves, when they start a job or an optimiser.
BESIDE = ("snakemake.cli", "snakemake.executors.local", "snakemake.report.html_reporter", "torch._dynamo")
# A CUDA build of torchvision is imported beside a CPU build of torch after this alone.
FIRST = "mgi.models.torchvision_ops"


def main(root: Path) -> None:
    """Import what the sources below `root` import, and say how long it took; what is not installed is passed over."""
    started = time.monotonic()
    sys.dont_write_bytecode = False
    sys.path[:0] = [str(root / "src"), str(root / "workflow")]
    importlib.import_module(FIRST).allow_torchvision_without_cuda()
    folders = ("src/mgi", "src/mgi_standin", "workflow/lib")
    sources = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    found = sum(map(is_imported, sorted({*imported_by(sources), *BESIDE})))
    for folder in folders:
        compileall.compile_dir(root / folder, quiet=1)
    print(f"setup: compiled what jobs import: {found} modules, {time.monotonic() - started:.0f} s")  # noqa: T201


def imported_by(sources: Iterable[Path]) -> Iterator[str]:
    """Dotted names that the files import, at whatever depth: modules, and what may be a module or a name in one."""
    for path in sources:
        for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_imported(name: str) -> bool:
    """Whether a module of this name could be imported: an optional one may not be here, or not work here."""
    try:
        importlib.import_module(name)
    except (ImportError, OSError, RuntimeError):
        return False
    return True


if __name__ == "__main__":
    main(Path(__file__).parents[2])
