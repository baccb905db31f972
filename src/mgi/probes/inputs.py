"""What is probed: the patients of each fold with their sets of features, and the labels that are asked for."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.cohort.labels.file import LabelTable
from mgi.cohort.labels.labels import few
from mgi.cohort.split import TEST, TRAIN, UNPAIRED_EXPRESSION, UNPAIRED_IMAGE, VALIDATION
from mgi.core.errors import BadInputError
from mgi.core.run import EXPRESSION, IMAGE, Run
from mgi.probes.classification import FoldFeatures, Target
from mgi.probes.features import CLINICAL, FeatureSet, Floats, Rows, beside, clinical, components, feature_set
from mgi.probes.settings import ProbeSettings
from mgi.probes.survival import Endpoint
from mgi.shards.embedding_file import Embeddings
from mgi.shards.expression_shard import ExpressionShard

PAIRED, WITH_EXPRESSION = "paired", "expression"
"""The tables: patients with image and expression in the folds of the runs; all with expression, in all folds."""
VECTORS = ("image", "image_tumour", "genes")
BOTH, UNTRAINED = "both", "_untrained"
LESION, LESION_PREDICTED = "lesion", "lesion_predicted"
COMPONENTS = "components"
WITH_CLASSES = "clinical_and_classes"


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that is known of patients; `lesions` and `predicted_lesions` are by patient, of the same features (d,)."""

    split: pd.DataFrame
    labels: LabelTable
    expression: ExpressionShard
    embeddings: Sequence[Embeddings]
    lesions: Mapping[str, NDArray[np.float64]]
    predicted_lesions: Mapping[str, NDArray[np.float64]]

    def values(self, patients: Sequence[str]) -> Floats:
        """Expression (P, G)."""
        found: Floats = self.expression.values[self.expression.rows_of(patients)].astype(np.float64)
        return found

    def clinical(self, patients: Sequence[str]) -> FeatureSet:
        """Age and sex."""
        table = self.labels.table.set_index("patient_id")
        age = {str(patient): float(value) for patient, value in table["age_years"].dropna().items()}
        sex = {str(patient): str(value) for patient, value in table["sex"].dropna().items()}
        return feature_set(CLINICAL, clinical(patients, age, sex))

    def with_classes(self, patients: Sequence[str]) -> FeatureSet:
        """Age, sex, and whether the patient has each class of each label; NaN where the label is not known."""
        columns = []
        for label in self.labels.classes:
            of = self.labels.known(label)
            columns += [
                [float(of[patient] == name) if patient in of else np.nan for patient in patients]
                for name in sorted(set(of.values()))[1:]
            ]
        classes = feature_set("classes", np.array(columns).T.reshape(len(patients), len(columns)))
        return beside(WITH_CLASSES, self.clinical(patients), classes)

    def components(self, patients: Sequence[str], training: Rows, settings: ProbeSettings) -> FeatureSet:
        """Principal components of expression, by the training patients."""
        found = components(self.values(patients), training, settings.components, settings.variable_genes)
        return feature_set(COMPONENTS, found, (EXPRESSION,))


def pretraining_of(run: Run) -> str:
    """The name of a pre-training run without its fold and seed."""
    return run.key.removesuffix(f"-fold{run.fold}-seed{run.seed}")


def targets_of(known: Known, settings: ProbeSettings) -> list[Target]:
    """The class labels that are asked for, without classes of few patients.

    Raises BadInputError for a label that there is not, one of fewer than two classes, one that is the same as a
    clinical feature, and one that nobody of the split has.
    """
    labels, found = known.labels, []
    patients = set(known.split["patient_id"])
    for name in labels.classes if settings.targets is None else settings.targets:
        of = {patient: value for patient, value in labels.known(name).items() if patient in patients}
        if not of:
            raise BadInputError(f"labels: {name}: known of no patient of the split, expected labels of this cohort")
        counts = pd.Series(of).value_counts()
        classes = tuple(sorted(counts.index[counts >= settings.smallest_class]))
        if len(classes) < 2:
            seen = few([f"{one} {count}" for one, count in counts.sort_index().items()])
            raise BadInputError(
                f"labels: {name}: found {seen}, expected two classes of {settings.smallest_class} patients at least; "
                "leave it out of probe.targets, or lower probe.smallest_class"
            )
        _require_no_feature(labels, name, of)
        place = {one: number for number, one in enumerate(classes)}
        found.append(Target(name=name, classes=classes, of={one: place[c] for one, c in of.items() if c in place}))
    return found


def endpoint_of(known: Known, settings: ProbeSettings) -> Endpoint | None:
    """Survival of the patients of the split; None where the labels have none or it is not asked for.

    Raises BadInputError where it is known of nobody or everybody is censored.
    """
    labels = known.labels
    if not settings.survival or labels.endpoint is None:
        return None
    table = labels.table[labels.table["time_days"].notna() & labels.table["patient_id"].isin(known.split["patient_id"])]
    if table.empty or not table["event"].astype(bool).any():
        found = "no patient of the split with a time" if table.empty else f"all {len(table)} patients censored"
        raise BadInputError(f"labels: {labels.endpoint}: found {found}, expected events; set probe.survival to false")
    rows = zip(table["patient_id"], table["time_days"], table["event"], strict=True)
    return Endpoint(name=labels.endpoint, of={patient: (float(time), bool(event)) for patient, time, event in rows})


def paired_folds(known: Known, settings: ProbeSettings) -> list[FoldFeatures]:
    """The folds of the pre-training runs: all sets of features of patients with image and expression.

    Raises BadInputError where a fold lacks the run of another, or a run's patients are not those of the split.
    """
    by_fold: dict[int, list[Embeddings]] = {}
    for one in sorted(known.embeddings, key=lambda one: one.run.key):
        by_fold.setdefault(one.run.fold, []).append(one)
    folds = [_paired_fold(known, fold, own, settings) for fold, own in sorted(by_fold.items())]
    first = [one.key for one in folds[0].sets] if folds else []
    for place in folds[1:]:
        if odd := {one.key for one in place.sets} ^ set(first):
            named = next(iter(sorted(map(str, odd))))
            raise BadInputError(f"embeddings: {named} is not in fold {folds[0].fold} and fold {place.fold} alike")
    return folds


def _paired_fold(known: Known, fold: int, runs: Sequence[Embeddings], settings: ProbeSettings) -> FoldFeatures:
    own = known.split[(known.split["fold"] == fold) & known.split["role"].isin((TRAIN, VALIDATION, TEST))]
    own = own.sort_values("patient_id")
    patients, tested = own["patient_id"].tolist(), (own["role"] == TEST).to_numpy()
    training, test = np.flatnonzero(~tested), np.flatnonzero(tested)
    sets: list[FeatureSet] = []
    for one in runs:
        sets += [found for found in _of_run(one, own) if not _is_among(found, sets)]
    sets.append(known.clinical(patients))
    sets += _lesion_sets(known, patients)
    sets.append(known.components(patients, training, settings))
    return FoldFeatures(fold=fold, patients=patients, training=training, test=test, sets=sets)


def _of_run(one: Embeddings, roles: pd.DataFrame) -> list[FeatureSet]:
    """Trained and untrained vectors, each also image beside genes."""
    row = {patient: number for number, patient in enumerate(one.patient_ids)}
    expected = dict(zip(roles["patient_id"], roles["role"], strict=True))
    for patient, role in expected.items():
        if patient not in row or one.roles[row[patient]] != role:
            found = one.roles[row[patient]] if patient in row else "nobody"
            raise BadInputError(f"embeddings: {one.run.key}: {patient}: found {found}, expected {role} as in the split")
    rows = [row[patient] for patient in expected]
    sets: list[FeatureSet] = []
    for ending in ("", UNTRAINED):
        image, tumour, genes, *others = (
            feature_set(
                f"{name}{ending}", one.vectors[f"{name}{ending}"][rows], (modality,),
                pretraining=pretraining_of(one.run), seed=one.run.seed,
            ) for name, modality in zip((*VECTORS, *one.modalities), _modalities(one), strict=True)
        )  # fmt: skip
        of_tumour = [tumour] if one.has("image_tumour") else []
        of_genes = [genes, beside(f"{BOTH}{ending}", image, genes)]
        sets += [image, *of_tumour, *(of_genes if _read_genes(one) else []), *others]
    return sets


def _modalities(one: Embeddings) -> list[str]:
    """What each kind of vector is made of."""
    image = one.run.image or IMAGE
    return [image, image, EXPRESSION, *one.modalities]


def _read_genes(one: Embeddings) -> bool:
    """Whether the pre-training read expression; without further modalities it always did."""
    return not one.modalities or one.has("genes")


def _is_among(found: FeatureSet, sets: Sequence[FeatureSet]) -> bool:
    """Whether an untrained network's vectors are there already: variants may begin with the same weights."""
    return found.name.endswith(UNTRAINED) and any(
        np.array_equal(found.fitted_on, one.fitted_on, equal_nan=True) for one in sets if one.name == found.name
    )


def _lesion_sets(known: Known, patients: Sequence[str]) -> list[FeatureSet]:
    """Features of true masks; and the same learned from, with those of predicted masks in the test."""
    if not known.lesions:
        return []
    true = _rows(known.lesions, patients)
    sets = [feature_set(LESION, true, (IMAGE,))]
    if known.predicted_lesions:
        predicted = _rows(known.predicted_lesions, patients)
        sets.append(FeatureSet(name=LESION_PREDICTED, fitted_on=true, tested_on=predicted, modalities=(IMAGE,)))
    return sets


def _rows(of: Mapping[str, NDArray[np.float64]], patients: Sequence[str]) -> Floats:
    nothing = np.full(len(next(iter(of.values()))), np.nan)
    return np.stack([of.get(patient, nothing) for patient in patients])


def expression_folds(known: Known, settings: ProbeSettings) -> list[FoldFeatures]:
    """All folds of the split, over all patients with expression; who is never tested there has a fold by the id."""
    split = known.split[known.split["role"] != UNPAIRED_IMAGE]
    numbers = sorted(split["fold"].unique().tolist())
    if len(numbers) < 2:
        raise BadInputError(f"split: found {len(numbers)} fold, expected two at least to learn from the other")
    tested = split[split["role"] == TEST]
    fold_of = dict(zip(tested["patient_id"], tested["fold"], strict=True))
    apart = split.loc[split["role"] == UNPAIRED_EXPRESSION, "patient_id"].unique()
    fold_of |= {patient: numbers[_stable(patient) % len(numbers)] for patient in apart}
    patients = sorted(fold_of)
    own = np.array([fold_of[patient] for patient in patients])
    age_and_sex = known.clinical(patients)
    folds = []
    for fold in numbers:
        training, test = np.flatnonzero(own != fold), np.flatnonzero(own == fold)
        found = known.components(patients, training, settings)
        sets = [age_and_sex, found, beside(f"{CLINICAL}_and_{COMPONENTS}", age_and_sex, found)]
        folds.append(FoldFeatures(fold=fold, patients=patients, training=training, test=test, sets=sets))
    return folds


def for_survival(known: Known, folds: Sequence[FoldFeatures]) -> list[FoldFeatures]:
    """The folds with the class labels among the features, alone and beside the components of expression.

    They are what a clinician knows; survival is no label of a class, so none of them is its own input.
    """
    found = []
    for fold in folds:
        of_genes = next(one for one in fold.sets if one.name == COMPONENTS)
        classes = known.with_classes(fold.patients)
        sets = [*fold.sets, classes, beside(f"{WITH_CLASSES}_and_{COMPONENTS}", classes, of_genes)]
        found.append(replace(fold, sets=sets))
    return found


def _stable(patient: str) -> int:
    return int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8], "big")


def _require_no_feature(labels: LabelTable, name: str, of: Mapping[str, str]) -> None:
    """Refuse a label that says of every patient the same as the sex, which is among the features."""
    sexes = dict(zip(labels.table["patient_id"], labels.table["sex"], strict=True))
    pairs = {(value, sexes[patient]) for patient, value in of.items() if isinstance(sexes.get(patient), str)}
    classes, known = ({pair[side] for pair in pairs} for side in (0, 1))
    if len(pairs) == len(classes) == len(known) > 1:
        raise BadInputError(
            f"labels: {name}: found the same as sex, which the clinical features have, expected another label; "
            "leave it out of probe.targets"
        )
