"""What the check for leaks found, and of which files: training takes it for no others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json, sha256_of, write_json
from mgi.core.mending import mend_of
from mgi.core.run import PATIENT


def write_leak_report(path: Path, report: Mapping[str, Any], split: Path, datasets: Sequence[Path]) -> None:
    """Write a report with the digests of the split and of the shards' descriptions that were compared."""
    write_json(path, {**report, "checked": _digests(split, datasets)})


def require_no_leaks(path: Path, split: Path, datasets: Sequence[Path], split_unit: str) -> None:
    """Raise IntegrityError unless the report is of these files, BadInputError where it is of another split or leaks."""
    report, mend = read_json(path), mend_of(path)
    if report.get("split_unit") != split_unit:
        found = report.get("split_unit")
        raise BadInputError(f"{path}: split_unit: found {found!r}, expected {split_unit!r} as in the run; {mend}")
    if split_unit == PATIENT and report.get("leaks") != []:
        raise BadInputError(f"{path}: leaks: found {str(report.get('leaks'))[:80]}, expected none; {mend}")
    checked = report.get("checked")
    for name, digest in _digests(split, datasets).items():
        found = checked.get(name) if isinstance(checked, dict) else None
        if found != digest:
            raise IntegrityError(f"{path}: checked: {name}: found {found}, expected {digest} as it is now; {mend}")


def _digests(split: Path, datasets: Sequence[Path]) -> dict[str, str]:
    shards = {f"shards/{path.parent.name}": sha256_of(path) for path in datasets}
    return {"split": sha256_of(split), **shards}
