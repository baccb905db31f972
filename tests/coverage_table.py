"""Coverage by package from `coverage json`, as a table; exit code 1 where all of src/ is below the share that is asked.

python tests/coverage_table.py build/coverage.json 90
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

COUNTS = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def package_of(path: str) -> str:
    """`src/mgi/release/card.py` belongs to mgi.release, `src/mgi/__init__.py` to mgi."""
    parts = PurePath(path).parts
    below = parts[parts.index("src") + 1 : -1]
    return ".".join(below[:2])


def by_package(report: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """Lines and branches, and those that ran, of each package; `src` is all of them."""
    found: dict[str, Counter[str]] = {}
    for path, file in report["files"].items():
        counted = Counter({name: file["summary"][name] for name in COUNTS})
        for package in (package_of(path), "src"):
            found.setdefault(package, Counter()).update(counted)
    return found


def share(counted: Mapping[str, int]) -> float:
    """Percent of lines and branches that ran, as coverage counts its total."""
    possible = counted["num_statements"] + counted["num_branches"]
    return 100.0 if not possible else 100 * (counted["covered_lines"] + counted["covered_branches"]) / possible


def table(report: Mapping[str, Any]) -> list[str]:
    """A line a package, the least covered first, all of src/ last."""
    rows = by_package(report)
    ordered = sorted(set(rows) - {"src"}, key=lambda name: (share(rows[name]), name))
    lines = [f"{'package':24} {'lines':>6} {'branches':>9} {'covered':>8}"]
    for name in [*ordered, "src"]:
        row = rows[name]
        lines.append(f"{name:24} {row['num_statements']:6} {row['num_branches']:9} {share(row):7.1f}%")
    return lines


def main() -> int:
    """Print the table and compare the total."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    asked = float(sys.argv[2])
    print("\n".join(table(report)))
    covered = share(by_package(report)["src"])
    if covered < asked:
        print(f"coverage: {covered:.1f} % of src/, expected at least {asked:g} %", file=sys.stderr)
    return int(covered < asked)


if __name__ == "__main__":
    sys.exit(main())
