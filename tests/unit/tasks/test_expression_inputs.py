import torch

from mgi.tasks.expression_inputs import audit_inputs, with_other_images, without_genes
from mgi.training.settings import PredictSettings

PATIENTS = ["A", "B", "C"]
GENES = torch.arange(6.0).view(3, 2)
AVERAGE = torch.tensor([3.0, 5.0])


def test_the_audit_has_own_mean_null_and_permuted_inputs_with_their_donors() -> None:
    listed = audit_inputs(GENES, AVERAGE, PATIENTS, PredictSettings(permutations=2), reads_genes=True)
    modes = {mode.name: mode for mode in listed}
    assert list(modes) == ["own", "cohort_mean", "null_token", "permuted-0", "permuted-1"]
    assert modes["own"].donors == PATIENTS
    assert torch.equal(modes["own"].genes, GENES)
    mean = modes["cohort_mean"]
    assert mean.genes[mean.rows].tolist() == [[3.0, 5.0]] * 3
    assert [modes[name].use_genes for name in ("own", "cohort_mean", "null_token", "permuted-0")] == [
        True,
        True,
        False,
        True,
    ]
    assert modes["cohort_mean"].donors == modes["null_token"].donors == [None] * 3
    for name in ("permuted-0", "permuted-1"):
        donors = modes[name].donors
        assert sorted(donors) == PATIENTS
        assert all(donor != patient for donor, patient in zip(donors, PATIENTS, strict=True))
        for row, donor in enumerate(donors):
            assert torch.equal(modes[name].genes[modes[name].rows[row]], GENES[PATIENTS.index(donor)])


def test_the_seed_decides_the_permutations() -> None:
    patients, genes = [f"P{index}" for index in range(9)], torch.zeros(9, 2)

    def donors(seed: int) -> list[list[str | None]]:
        settings = PredictSettings(permutations=3, seed=seed)
        return [mode.donors for mode in audit_inputs(genes, AVERAGE, patients, settings, reads_genes=True)[3:]]

    assert donors(0) == donors(0)
    assert donors(0) != donors(1)


def test_one_patient_has_no_permutation_and_a_method_without_genes_one_input() -> None:
    alone = audit_inputs(GENES[:1], AVERAGE, ["A"], PredictSettings(), reads_genes=True)
    assert [mode.name for mode in alone] == ["own", "cohort_mean", "null_token"]
    (none,) = audit_inputs(GENES, AVERAGE, PATIENTS, PredictSettings(), reads_genes=False)
    assert (none.name, none.use_genes, none.donors) == ("not_used", False, [None] * 3)
    assert not none.genes.any()


def test_a_task_that_can_do_without_the_image_is_tested_with_the_own_genes_alone() -> None:
    given = {"reads_genes": True, "images_apart": True}
    listed = audit_inputs(GENES, AVERAGE, PATIENTS, PredictSettings(permutations=1), **given)
    assert [one.name for one in listed] == ["own", "cohort_mean", "null_token", "image_left_out", "permuted-0"]
    assert [one.name for one in listed if not one.use_image] == ["image_left_out"]
    assert listed[3].donors == PATIENTS
    assert torch.equal(listed[3].genes, GENES)


def test_to_a_network_without_image_no_input_is_given_that_makes_all_patients_alike() -> None:
    listed = audit_inputs(
        GENES,
        AVERAGE,
        PATIENTS,
        PredictSettings(permutations=1),
        reads_genes=True,
        reads_image=False,
        images_apart=True,
    )
    assert [one.name for one in listed] == ["own", "permuted-0"]


def test_another_patients_image_goes_with_the_own_expression_and_draws_none_of_the_others() -> None:
    settings = PredictSettings(permutations=2)
    own, *_ = audit_inputs(GENES, AVERAGE, PATIENTS, settings, reads_genes=True)
    found = list(with_other_images(own, settings))
    assert [one.name for one in found] == ["image_permuted-0", "image_permuted-1"]
    for one in found:
        assert one.image_rows is not None
        assert sorted(one.image_rows.tolist()) == [0, 1, 2]
        assert all(row != place for place, row in enumerate(one.image_rows.tolist()))
        assert torch.equal(one.genes, own.genes)
        assert one.donors == PATIENTS
    alone = without_genes(1, 2, "not_used")
    assert list(with_other_images(alone, settings)) == []
