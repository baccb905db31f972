"""Files of ours that a test changes and seals anew: what then refuses them is no digest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mgi.core.files import SEAL, write_json
from mgi.locks.hand_edits import CHECK, with_checks, without_checks
from mgi.shards.parquet import WRITING, sealed_path


def reseal(path: Path, plain: Mapping[str, Any]) -> Path:
    """JSON as if mgi had written it; the checks of a lock are made anew too."""
    content = {name: value for name, value in plain.items() if name != SEAL}
    write_json(path, with_checks(without_checks(content)) if CHECK in content else content)
    return path


def write_sealed(table: Any, path: Path) -> Path:
    """Any Parquet table with its digest."""
    with sealed_path(path) as part:
        pq.write_table(table, part, **WRITING)
    return path
