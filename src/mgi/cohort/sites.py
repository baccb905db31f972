"""Which hospital a patient comes from: by the user's table, by a TCGA barcode, or all from one."""

from collections.abc import Collection
from pathlib import Path

from mgi.cohort.two_columns import read_two_columns
from mgi.core.errors import BadInputError
from mgi.core.ids import barcode_of, patient_id_of

COLUMNS = ("patient_id", "site")
KEY = "cohort.sites"
ONE_SITE = "one site"


def sites_of(patients: Collection[str], path: Path | None) -> dict[str, str]:
    """The site of each patient: the table's, else that of the barcode; without a table and barcodes all have one."""
    table = {} if path is None else read_two_columns(path, COLUMNS, KEY, _checked)
    barcodes = {patient: barcode.site for patient in patients if (barcode := barcode_of(patient)) is not None}
    sites = {**dict.fromkeys(patients, ONE_SITE), **barcodes, **table}
    missing = sorted(set(patients) - {*barcodes, *table})
    if missing and path is not None:
        raise BadInputError(f"{path}: no line for {missing[0]} ({len(missing)} patients); expected a site for each")
    return {patient: sites[patient] for patient in patients}


def _checked(patient: str, site: str) -> tuple[str, str]:
    if not site or not site.isprintable():
        raise BadInputError(f"site {site!r}, expected a name")
    return patient_id_of(patient), site
