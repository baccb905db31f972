"""What the descriptions of finished parts have in common: whose they must be, and what lies beside them."""

from collections.abc import Collection, Sequence
from pathlib import Path

from mgi.cohort.tables import read_cohort
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.mending import mend_of
from mgi.core.parts import PART_PATTERN
from mgi.shards.dataset_manifest import DATASET
from mgi.shards.part_records import PartRecord


def require_output(output: Path, parts: int) -> Path:
    """The folder of the parts; ConfigError where the description has another name, or there is no part."""
    if output.name != DATASET or parts < 1:
        raise ConfigError(f"--output, --parts: found {output}, {parts}, expected {DATASET} of 1 part or more")
    return output.parent


def require_modality(records: Sequence[PartRecord], modality: str) -> None:
    """Refuse parts that are another modality's."""
    if (found := records[0].stated.get("modality")) != modality:
        raise BadInputError(f"{records[0].path}: modality: found {found!r}, expected {modality!r}")


def require_patients(found: set[str], cohort: str, modality: str, record: Path) -> None:
    """Refuse parts that do not hold exactly those of the cohort who have the modality and are not excluded."""
    expected = set(read_cohort(cohort).present(modality)["patient_id"])
    if not expected:
        raise BadInputError(f"{cohort}: no patient has an image")
    if differing := sorted(found ^ expected):
        where = "in a part, not in the cohort" if differing[0] in found else "in the cohort, in no part"
        raise BadInputError(
            f"{record.parent}: {differing[0]} is {where} ({len(differing)} patients differ), expected those of "
            f"{cohort}; {mend_of(record)}"
        )


def remove_others(folder: Path, kept: Collection[Path], older: Sequence[str]) -> None:
    """Take away the files of another number of parts, or of none, which nothing describes any more."""
    for path in (*folder.glob(PART_PATTERN), *(folder / name for name in older)):
        if path not in kept:
            path.unlink(missing_ok=True)
