"""Who is left out by hand, how patients are shared out among folds, and whom another archive may bring."""

from typing import Annotated

from pydantic import Field

from mgi.core.section import Count, Distinct, Section, UserPath


class CohortSettings(Section):
    """Who belongs to the cohort."""

    require: Distinct[str] | None = None
    """Modalities that a patient must have, with what belongs to them, to be kept; null: all that are configured."""
    sites: UserPath | None = None
    """Path of a TSV (patient_id, site) of the hospitals; null: by TCGA barcode, and one site without barcodes."""
    exclude: Distinct[str] = ()
    """Patients to leave out; the cohort table says so."""


class SplitSettings(Section):
    """Folds over patients, stratified by hospital."""

    folds: Annotated[int, Field(ge=2, le=1000)] = 5
    """Number of folds; every patient is in the test part of exactly one."""
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of a fold's training patients that validate."""
    seed: Count = 0
    """Seed of the folds."""


class AdmissionSettings(Section):
    """On which terms patients of another archive are tested on."""

    max_missing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest share of the model's genes that the other archive may lack."""
