"""Which hospital a patient comes from: by the user's table, by a TCGA barcode, or all from one."""

from collections.abc import Iterable
from pathlib import Path

from mgi.cohort.two_columns import read_two_columns
from mgi.core.errors import BadInputError
from mgi.core.ids import barcode_of, patient_id_of

COLUMNS = ("patient_id", "site")
KEY = "cohort.sites"
ONE_SITE = "one site"


def sites_of(patients: Iterable[str], path: Path | None) -> dict[str, str]:
    """The site of each patient: the table's, else that of the barcode; without a table and barcodes all have one.

    Raises BadInputError where the table cannot be read, or lacks a patient who has no barcode.
    """
    table = {} if path is None else read_two_columns(path, COLUMNS, KEY, _checked)
    sites = {patient: table.get(patient) or _by_barcode(patient) for patient in patients}
    missing = sorted(patient for patient, site in sites.items() if site is None)
    if missing and path is not None:
        raise BadInputError(f"{path}: no line for {missing[0]} ({len(missing)} patients); expected a site for each")
    return {patient: site or ONE_SITE for patient, site in sites.items()}


def _by_barcode(patient: str) -> str | None:
    barcode = barcode_of(patient)
    return None if barcode is None else barcode.site


def _checked(patient: str, site: str) -> tuple[str, str]:
    if not site or not site.isprintable():
        raise BadInputError(f"site {site!r}, expected a name")
    return patient_id_of(patient), site
