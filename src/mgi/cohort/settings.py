"""Who is left out by hand, how patients are shared out among folds, and whom another archive may bring."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from mgi.core.section import Count, Distinct, Section, UserPath

NearDuplicates = Literal["refuse", "warn"]
NEAR_DUPLICATES: tuple[NearDuplicates, ...] = get_args(NearDuplicates)
REFUSE = NEAR_DUPLICATES[0]


class CohortSettings(Section):
    """Who belongs to the cohort."""

    require: Distinct[str] | None = None
    """Modalities that a patient must have, with what belongs to them, to be kept; null: all that are configured."""
    any_of: Distinct[str] = ()
    """Images of which a patient must have one at least, beside what is required; where runs read several."""
    sites: UserPath | None = None
    """Path of a TSV (patient_id, site) of the hospitals; null: by TCGA barcode, and one site without barcodes."""
    exclude: Distinct[str] = ()
    """Patients to leave out; the cohort table says so."""
    near_duplicates: NearDuplicates = "refuse"
    """Two patients with nearly the same images or expression, such as a flipped copy: refuse: stop before any training;
    warn: only list them."""


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
