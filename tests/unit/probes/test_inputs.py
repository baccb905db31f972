from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.probes.circular import marked, without_refused
from mgi.probes.classification import probe_classes
from mgi.probes.inputs import Known, endpoint_of, expression_folds, for_survival, paired_folds, targets_of
from mgi.probes.settings import ProbeSettings

SETTINGS = ProbeSettings(components=3, bootstrap_draws=100, draws=2)
OF_A_RUN = ["image", "image_tumour", "genes", "both"]
PAIRED = [*OF_A_RUN, *(f"{name}_untrained" for name in OF_A_RUN)]


def test_a_fold_has_its_patients_by_role_and_every_set_of_features(known: Known) -> None:
    first, second = paired_folds(known, SETTINGS)
    assert [one.name for one in first.sets] == [*PAIRED, "clinical", "lesion", "lesion_predicted", "components"]
    assert {one.pretraining for one in first.sets[:8]} == {"pretrain"}
    assert {one.pretraining for one in first.sets[8:]} == {None}
    assert (len(first.training), len(first.test)) == (48, 12)
    assert set(first.test) != set(second.test)
    by_name = {one.name: one for one in first.sets}
    assert (by_name["genes"].fitted_on == known.embeddings[0].vectors["genes"]).all()
    assert by_name["both"].fitted_on.shape[1] == 8


def test_features_of_predicted_masks_are_for_the_test_alone(known: Known) -> None:
    predicted = next(one for one in paired_folds(known, SETTINGS)[0].sets if one.name == "lesion_predicted")
    assert not np.isnan(predicted.fitted_on).any()
    assert np.isnan(predicted.tested_on[:, 0]).tolist() == [row % 2 == 1 for row in range(60)]


def test_without_tumour_features_there_are_no_such_sets(known: Known) -> None:
    names = {one.name for one in paired_folds(replace(known, lesions={}), SETTINGS)[0].sets}
    assert not names & {"lesion", "lesion_predicted"}


def test_components_of_a_fold_know_nothing_of_its_test(known: Known) -> None:
    first = paired_folds(known, SETTINGS)[0]
    changed = known.expression.values.copy()
    changed[first.test] += 9
    other = replace(known, expression=replace(known.expression, values=changed))
    one, two = (paired_folds(given, SETTINGS)[0].sets[-1].fitted_on[first.training] for given in (known, other))
    assert one == pytest.approx(two)


def test_several_pre_trainings_share_an_untrained_network_that_is_the_same(known: Known, make_embeddings: Any) -> None:
    more = [*known.embeddings, *(make_embeddings(fold, control="random-id") for fold in (0, 1))]
    first, second = paired_folds(replace(known, embeddings=more), SETTINGS)
    assert [one.key for one in first.sets] == [one.key for one in second.sets]
    named = [one.name for one in first.sets if one.pretraining == "pretrain-random-id"]
    assert named == OF_A_RUN


def test_a_run_that_one_fold_lacks_is_refused(known: Known, make_embeddings: Any) -> None:
    more = [*known.embeddings, make_embeddings(0, control="random-id")]
    with pytest.raises(BadInputError, match=r"embeddings: .*pretrain-random-id.* is not in fold 0 and fold 1 alike"):
        paired_folds(replace(known, embeddings=more), SETTINGS)


def test_vectors_of_another_split_are_refused(known: Known) -> None:
    roles = ["test" if role == "train" else role for role in known.embeddings[0].roles]
    other = [replace(known.embeddings[0], roles=roles)]
    with pytest.raises(BadInputError, match=r"pretrain-fold0-seed0: TCGA-.*: found test, expected train as in the spl"):
        paired_folds(replace(known, embeddings=other), SETTINGS)


def test_all_with_expression_are_tested_once_those_without_image_by_their_id(known: Known) -> None:
    folds = expression_folds(known, SETTINGS)
    tested = [one.patients[row] for one in folds for row in one.test]
    assert len(tested) == len(set(tested)) == len(set(folds[0].patients))
    assert {"TCGA-CA-0000", "TCGA-CA-0001"} <= set(tested)
    again = expression_folds(known, SETTINGS)
    assert [one.test.tolist() for one in folds] == [one.test.tolist() for one in again]
    split = known.split.set_index(["fold", "patient_id"])["role"]
    for one in folds:
        assert {split[one.fold, one.patients[row]] for row in one.test} <= {"test", "unpaired_expression"}
    assert [one.name for one in folds[0].sets] == ["clinical", "components", "clinical_and_components"]


def test_survival_is_also_told_from_every_class_label_and_no_class_is(known: Known) -> None:
    folds = expression_folds(known, SETTINGS)
    (fold, *_) = for_survival(known, folds)
    assert [one.name for one in fold.sets[3:]] == ["clinical_and_classes", "clinical_and_classes_and_components"]
    known_as = known.labels.known("idh")
    others = sorted(set(known_as.values()))[1:]
    n_others = sum(len(set(known.labels.known(name).values())) - 1 for name in known.labels.classes)
    values = fold.sets[3].fitted_on
    assert values.shape == (len(fold.patients), 2 + n_others)
    place = 2 + sum(
        len(set(known.labels.known(name).values())) - 1
        for name in known.labels.classes[: known.labels.classes.index("idh")]
    )
    for row, patient in enumerate(fold.patients):
        if patient in known_as:
            assert values[row, place] == (known_as[patient] == others[0])
        else:
            assert np.isnan(values[row, place])
    assert fold.sets[4].modalities == ("rna",)
    assert len(folds[0].sets) == 3


def test_a_split_of_one_fold_is_refused(known: Known) -> None:
    with pytest.raises(BadInputError, match="split: found 1 fold, expected two at least"):
        expression_folds(replace(known, split=known.split[known.split["fold"] == 0]), SETTINGS)


def test_targets_are_the_labels_of_the_split_with_enough_patients(known: Known) -> None:
    idh, grade = targets_of(known, SETTINGS)
    assert (idh.name, idh.classes, len(idh.of)) == ("idh", ("Mutant", "WT"), 61)
    assert (grade.name, grade.classes) == ("grade", ("G2", "G3"))
    assert [one.name for one in targets_of(known, SETTINGS.but(targets=("grade",)))] == ["grade"]


def test_a_rare_class_is_left_out_with_its_patients(known: Known, make_labels: Any) -> None:
    grades = ["G4"] * 3 + ["G2"] * 29 + ["G3"] * 30
    _, grade = targets_of(replace(known, labels=make_labels(grade=grades)), SETTINGS)
    assert (grade.classes, len(grade.of)) == (("G2", "G3"), 59)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grade": "G2"}, "labels: grade: found G2 62, expected two classes of 10 patients at least"),
        ({"grade": None}, "labels: grade: known of no patient of the split"),
        ({"patient_id": [f"TCGA-ZZ-{one:04}" for one in range(62)]}, "labels: idh: known of no patient of the split"),
    ],
)
def test_labels_that_cannot_be_probed_are_refused(known: Known, make_labels: Any, changes: Any, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        targets_of(replace(known, labels=make_labels(**changes)), SETTINGS)


def test_a_label_that_is_a_feature_is_refused(known: Known, make_labels: Any) -> None:
    own = make_labels()
    sexes = own.table["sex"].map({"female": "F", "male": "M"}).tolist()
    with pytest.raises(BadInputError, match="labels: grade: found the same as sex, which the clinical features have"):
        targets_of(replace(known, labels=make_labels(grade=sexes)), SETTINGS)
    with pytest.raises(BadInputError, match="found no class 'site', expected one of idh, grade"):
        targets_of(known, SETTINGS.but(targets=("site",)))


def test_survival_is_of_the_split_and_refused_where_nobody_has_the_event(known: Known, make_labels: Any) -> None:
    found = endpoint_of(known, SETTINGS)
    assert found is not None
    assert (found.name, len(found.of)) == ("OS", 62)
    assert endpoint_of(known, SETTINGS.but(survival=False)) is None
    assert endpoint_of(replace(known, labels=replace(known.labels, endpoint=None)), SETTINGS) is None
    for changes, said in (
        ({"event": False}, "all 62 patients censored"),
        ({"time_days": None}, "no patient of the sp"),
    ):
        with pytest.raises(BadInputError, match=f"labels: OS: found {said}"):
            endpoint_of(replace(known, labels=make_labels(**changes)), SETTINGS)


def test_circular_sets_are_marked_or_left_out(known: Known) -> None:
    folds = paired_folds(known, SETTINGS)[:1]
    target = targets_of(known, SETTINGS)[0]
    own = replace(known.labels, read_off={"idh": ("rna",)})
    told = marked(probe_classes(target, "paired", folds, SETTINGS), own, "idh", folds)
    circular = {row["features"] for row in told.scores if row["circular"] == "idh is read off rna"}
    assert circular == {"genes", "both", "genes_untrained", "both_untrained", "components"}
    assert without_refused(own, "idh", folds) == folds
    refused = without_refused(replace(own, refuses_circular=True), "idh", folds)
    assert {one.name for one in folds[0].sets} - {one.name for one in refused[0].sets} == circular


def test_vectors_of_further_modalities_are_features_that_name_what_they_are_read_off(known: Known) -> None:
    one = known.embeddings[0]
    own = {f"cn{ending}": one.vectors["genes"] + 1 for ending in ("", "_projected", "_untrained")}
    several = replace(one, vectors={**one.vectors, **own}, modalities=("cn",))
    sets = {found.name: found for found in paired_folds(replace(known, embeddings=[several]), SETTINGS)[0].sets}
    assert sets["cn"].modalities == ("cn",)
    assert {"genes", "both", "cn_untrained"} <= set(sets)
    none = {f"genes{ending}": np.full((60, 1), np.nan, np.float32) for ending in ("", "_projected", "_untrained")}
    alone = replace(several, vectors={**several.vectors, **none})
    names = {found.name for found in paired_folds(replace(known, embeddings=[alone]), SETTINGS)[0].sets}
    assert {"image", "cn"} <= names
    assert not {"genes", "both", "genes_untrained"} & names


def test_of_slides_there_are_no_vectors_of_a_tumour_and_the_image_is_the_slide(known: Known) -> None:
    def of_slides(one: Any) -> Any:
        nothing = {
            name: np.full((60, 0), np.nan, np.float32) for name in one.vectors if name.startswith("image_tumour")
        }
        return replace(one, run=replace(one.run, inputs=("slides", "rna")), vectors={**one.vectors, **nothing})

    given = replace(known, embeddings=[of_slides(one) for one in known.embeddings], lesions={})
    first = paired_folds(given, SETTINGS)[0]
    assert not [one.name for one in first.sets if one.name.startswith("image_tumour")]
    by_name = {one.name: one for one in first.sets}
    assert by_name["image"].modalities == ("slides",)
    assert by_name["both"].modalities == ("slides", "rna")
