"""run.json: what a training run was, with the digests of the files beside it and of the files that it learned from."""

from pathlib import Path
from typing import Any

from mgi.core.errors import IntegrityError
from mgi.core.files import read_json, sha256_of
from mgi.core.mending import mend_of
from mgi.core.origins import require_origins
from mgi.core.run import run_of

RECORD = "run.json"
FILES, MADE_FROM = "files", "made_from"


def read_record(path: Path) -> dict[str, Any]:
    """A run's record, of a run that learned from files which are still the same, as far as they are there."""
    record = read_json(path)
    run_of(record, str(path))
    origins = record.get(MADE_FROM)
    require_origins(path, origins if isinstance(origins, dict) else {}, mend_of(path), all_there=False)
    return record


def require_recorded(path: Path) -> dict[str, Any]:
    """The record beside a file of a run, which must describe this very file.

    Raises BadInputError where it is missing, IntegrityError where the file is another.
    """
    beside, mend = path.with_name(RECORD), mend_of(path)
    record = read_record(beside)
    files = record.get(FILES)
    expected = files.get(path.name) if isinstance(files, dict) else None
    if (found := sha256_of(path)) != expected:
        where = f"as in {beside.name}; {mend}"
        raise IntegrityError(f"{path}: damaged or edited: sha256 {found}, expected {expected} {where}")
    return record
