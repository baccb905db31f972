"""Who is trained on, validated on and tested on in each fold; patients are the unit, never slices.

Patients with expression and no image belong to no fold's test: in every fold they may train the gene encoder alone.
Patients with an image and no expression train nothing: each belongs to one fold, which segments them without genes.
`slice_roles` alone deals out slices, as papers have done, only to show by how much that flatters: every patient of the
test is then in training too, and so are its genes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.settings import SplitSettings
from mgi.core.errors import BadInputError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
UNPAIRED_EXPRESSION, UNPAIRED_IMAGE = "unpaired_expression", "unpaired_image"
TEST_SHARE = VALIDATION_SHARE = 5  # of the slices, and of the rest
WATERMARK = "NOT comparable: leaks patients across the split"
_FOLD_STREAM = 1  # keeps the validation draws apart from the draw of the folds


class SplitRow(NamedTuple):
    """A patient's role in one fold."""

    fold: int
    patient_id: str
    site: str
    role: str


def split_patients(
    patient_ids: Iterable[str],
    settings: SplitSettings,
    unpaired_expression: Iterable[str] = (),
    unpaired_image: Iterable[str] = (),
    *,
    sites: Mapping[str, str],
) -> list[SplitRow]:
    """A row per fold and patient, sorted; every patient is tested exactly once and folds differ by one patient at most.

    The `sites` of all patients are spread evenly over the folds; those with fewer patients than folds are pooled.
    Patients of `unpaired_expression` have that role in every fold, those of `unpaired_image` in one.
    """
    patients, unpaired = _checked(patient_ids, unpaired_expression, settings)
    apart = sorted(unpaired_image)
    if shared := set(apart) & {*patients, *unpaired}:
        raise BadInputError(f"split: {min(shared)} has expression, expected none among the patients with an image only")
    strata = _strata(patients, settings.folds, sites)
    dealt = _shuffled(strata, np.random.default_rng(settings.seed))
    rows = []
    for fold in range(settings.folds):
        rows += _fold_rows(fold, set(dealt[fold :: settings.folds]), strata, unpaired, settings, sites)
        rows += [SplitRow(fold, patient, sites[patient], UNPAIRED_IMAGE) for patient in apart[fold :: settings.folds]]
    return sorted(rows)


def whole_cohort(
    patient_ids: Iterable[str],
    settings: SplitSettings,
    unpaired_expression: Iterable[str] = (),
    *,
    sites: Mapping[str, str],
) -> list[SplitRow]:
    """One fold more, of the number after the last, that tests nobody: all train but those who validate.

    Validation is drawn as in the folds.
    """
    patients, unpaired = _checked(patient_ids, unpaired_expression, settings)
    return _fold_rows(settings.folds, set(), _strata(patients, settings.folds, sites), unpaired, settings, sites)


def _checked(
    patient_ids: Iterable[str], unpaired_expression: Iterable[str], settings: SplitSettings
) -> tuple[list[str], list[str]]:
    patients, unpaired = sorted(patient_ids), sorted(unpaired_expression)
    if shared := set(patients) & set(unpaired):
        raise BadInputError(f"split: {min(shared)} has an image, expected none among the patients with expression only")
    if len(set(patients)) != len(patients):
        raise BadInputError("split: a patient occurs twice, expected one row per patient")
    if len(patients) < settings.folds:
        raise BadInputError(f"split: {len(patients)} patients for {settings.folds} folds, expected at least one each")
    return patients, unpaired


def _fold_rows(
    fold: int,
    tested: set[str],
    strata: list[list[str]],
    unpaired: list[str],
    settings: SplitSettings,
    sites: Mapping[str, str],
) -> list[SplitRow]:
    """The rows of one fold, sorted by patient; validation is drawn evenly from the strata of those not tested."""
    rest = [[patient for patient in stratum if patient not in tested] for stratum in strata]
    rng = np.random.default_rng([settings.seed, _FOLD_STREAM, fold])
    validating = _spread_sample(_shuffled(rest, rng), settings.validation_fraction)
    roles = {patient: VALIDATION if patient in validating else TRAIN for stratum in rest for patient in stratum}
    if TRAIN not in roles.values():
        n_patients = len(roles) + len(tested)
        raise BadInputError(f"split: {n_patients} patients leave none to train on in fold {fold}")
    roles |= dict.fromkeys(tested, TEST) | dict.fromkeys(unpaired, UNPAIRED_EXPRESSION)
    return [SplitRow(fold, patient, sites[patient], roles[patient]) for patient in sorted(roles)]


def _strata(patients: list[str], folds: int, sites: Mapping[str, str]) -> list[list[str]]:
    """Patients by site, the small sites together and last."""
    by_site: dict[str, list[str]] = {}
    for patient in patients:
        by_site.setdefault(sites[patient], []).append(patient)
    large = [group for _, group in sorted(by_site.items()) if len(group) >= folds]
    small = [patient for _, group in sorted(by_site.items()) if len(group) < folds for patient in group]
    return [*large, small] if small else large


def _shuffled(strata: list[list[str]], rng: np.random.Generator) -> list[str]:
    """All patients, stratum after stratum, each in random order: dealing them out in turn spreads every stratum."""
    return [stratum[index] for stratum in strata for index in rng.permutation(len(stratum))]


def _spread_sample(patients: list[str], fraction: float) -> set[str]:
    """Every n-th patient of a list that is grouped by stratum: about `fraction` of each, at least one in all."""
    wanted = max(1, round(fraction * len(patients)))
    return {patients[int((index + 0.5) * len(patients) / wanted)] for index in range(wanted)}


def slice_roles(patient_id: str, n_slices: int, fold: int) -> NDArray[np.str_]:
    """Role of each slice of a patient: a fifth tests, of the rest a fifth validates, at random.

    The same for every method and seed; folds 0 to 4 test each slice once.
    """
    digest = hashlib.sha256(f"slice split {patient_id}".encode()).digest()
    dealt = np.random.default_rng(int.from_bytes(digest)).permutation(n_slices)
    roles = np.full(n_slices, TRAIN, dtype="<U10")
    testing = np.arange(n_slices) % TEST_SHARE == fold % TEST_SHARE
    roles[dealt[testing]] = TEST
    roles[dealt[~testing][::VALIDATION_SHARE]] = VALIDATION
    return roles
