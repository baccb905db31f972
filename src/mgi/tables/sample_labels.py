"""Which column of a user's table holds the names of samples, where they stand in rows."""

from collections.abc import Sequence
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.core.ids import barcode_of, is_patient_id

SAMPLE_COLUMNS = ("patient_id", "patient", "sample_id", "sample")
"""Names of the first column that say that samples are in rows, where none is named by a barcode."""
CASE_COLUMNS = (
    "",
    "unnamed: 0",
    "__index_level_0__",
    "case_id",
    "submitter_id",
    "bcr_patient_barcode",
    "barcode",
    "id",
)
"""Further names of a first column that holds samples, where these are named by barcodes."""


def require_patients(labels: Sequence[str], names: Sequence[str], path: Path) -> None:
    """Refuse rows that are no samples: all must be barcodes, or ids below a column that says what they are."""
    if names[0].strip().lower() in SAMPLE_COLUMNS:
        if strange := [label for label in labels if not is_patient_id(label)]:
            raise BadInputError(f"{path}: {names[0]} {strange[0]!r}: not a patient id, expected letters and digits")
    elif (found := sum(barcode_of(label) is not None for label in labels)) != len(labels):
        raise BadInputError(
            f"{path}: {found} of {len(labels)} rows and 0 of {len(names) - 1} columns are TCGA barcodes; expected all "
            "rows or some columns (TCGA-XX-XXXX…), or a first column that is called patient_id or gene_id"
        )
