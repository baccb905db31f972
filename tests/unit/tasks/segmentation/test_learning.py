from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mgi.datasets.volume import Frame, frame_of_slice
from mgi.models.mgi import build_mgi
from mgi.tasks.expression_inputs import audit_inputs, derangement
from mgi.tasks.segmentation.learning import predict
from mgi.training.finetune import GeneCache, cache_for
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings

PATIENTS = ["A", "B", "C"]
GENES = torch.arange(6.0).view(3, 2)
AVERAGE = torch.tensor([3.0, 5.0])


class Plain(nn.Module):
    """The image as logits, shifted by the patient's first gene where genes are used."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        return images + (genes[:, 0] * has_genes)[patient][:, None, None, None]


@pytest.mark.parametrize("count", [2, 3, 5, 30])
def test_a_derangement_leaves_nobody_in_their_place(count: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        order = derangement(count, rng)
        assert sorted(order) == list(range(count))
        assert (order != np.arange(count)).all()


def test_the_audit_has_own_mean_null_and_permuted_inputs_with_their_donors() -> None:
    listed = audit_inputs(GENES, AVERAGE, PATIENTS, PredictSettings(permutations=2), reads_genes=True)
    modes = {mode.name: mode for mode in listed}
    assert list(modes) == ["own", "cohort_mean", "null_token", "permuted-0", "permuted-1"]
    assert modes["own"].donors == PATIENTS
    assert torch.equal(modes["own"].genes, GENES)
    assert modes["cohort_mean"].genes.tolist() == [[3.0, 5.0]] * 3
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
            assert torch.equal(modes[name].genes[row], GENES[PATIENTS.index(donor)])


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


def test_a_byte_is_the_floor_of_256_times_the_probability_and_128_is_a_half(pairs) -> None:
    some = pairs(1)
    logits = torch.linspace(-8, 8, some.slices.images.numel()).view_as(some.slices.images)
    logits.view(-1)[:6] = torch.tensor([0.0, 100.0, -100.0, -1e-3, 1e-3, float(np.log(3))])
    some.slices.images.copy_(logits)
    (mode,) = audit_inputs(some.genes, AVERAGE, ["P0"], PredictSettings(), reads_genes=False)
    ((patient, slices),) = predict(Plain(), some, mode, PredictSettings(batch=2))
    stored = np.stack(slices)
    assert patient == "P0"
    assert stored.shape == (3, 16, 16)
    assert stored.dtype == np.uint8
    assert stored.reshape(-1)[:6].tolist() == [128, 255, 0, 127, 128, 192]
    probability = 1 / (1 + np.exp(-logits.squeeze(1).double().numpy()))
    assert np.array_equal(stored >= 128, probability >= 0.5)
    assert np.array_equal(stored, np.minimum(np.floor(256 * probability), 255))


def test_each_patient_is_predicted_on_their_own_grid_with_their_own_donor(pairs) -> None:
    some = pairs(3)
    some.slices.images.zero_()
    genes = torch.tensor([[-100.0], [0.0], [100.0]])
    average = torch.zeros(1)
    modes = audit_inputs(genes, average, some.slices.patient_ids, PredictSettings(permutations=1), reads_genes=True)
    shapes = [(16, 16), (20, 12), (5, 30)]
    frames = [frame_of_slice(np.zeros((3, *shape))) for shape in shapes]
    some = replace(some, slices=replace(some.slices, frames=frames))
    constant = {-100.0: 0, 0.0: 128, 100.0: 255}
    for mode in modes:
        found = list(predict(Plain(), some, mode, PredictSettings(batch=2)))
        assert [patient for patient, _ in found] == some.slices.patient_ids
        for row, (_, slices) in enumerate(found):
            assert [plane.shape for plane in slices] == [shapes[row]] * 3
            expected = constant[mode.genes[row, 0].item()] if mode.use_genes else 128
            assert {int(value) for plane in slices for value in np.unique(plane)} == {expected}


def test_beyond_the_frame_there_is_no_tumour(pairs) -> None:
    some = pairs(1)
    some.slices.images.fill_(4.0)
    frame = Frame(shape=(10, 12), rows=(2, 7), columns=(1, 12))
    some = replace(some, slices=replace(some.slices, frames=[frame]))
    (mode,) = audit_inputs(some.genes, AVERAGE, ["P0"], PredictSettings(), reads_genes=False)
    ((_, slices),) = predict(Plain(), some, mode, PredictSettings(batch=2))
    expected = np.zeros((10, 12), np.uint8)
    expected[2:7, 1:] = 251  # 256 / (1 + exp(-4))
    assert all(np.array_equal(plane, expected) for plane in slices)


def test_masks_never_reach_a_prediction(pairs) -> None:
    some = pairs(2)
    (mode,) = audit_inputs(some.genes, AVERAGE, some.slices.patient_ids, PredictSettings(), reads_genes=False)

    def predicted(given: Pairs) -> list[bytes]:
        return [
            plane.tobytes() for _, slices in predict(Plain(), given, mode, PredictSettings(batch=4)) for plane in slices
        ]

    before = predicted(some)
    some.slices.masks.copy_(1 - some.slices.masks)
    assert predicted(some) == before


def test_all_modes_together_encode_each_patient_once_and_the_mean_once(model_settings, pairs) -> None:
    torch.manual_seed(0)
    some, average = pairs(3), torch.full((10,), 0.1)
    model, rows = build_mgi(model_settings, 10), []
    model.gene_encoder.register_forward_hook(lambda _, given, made: rows.append(len(given[0])))
    modes = audit_inputs(
        some.genes, average, some.slices.patient_ids, PredictSettings(permutations=4), reads_genes=True
    )

    def bytes_of(cache: GeneCache | None) -> list[bytes]:
        return [
            plane.tobytes()
            for mode in modes
            for _, slices in predict(model, some, mode, PredictSettings(batch=2), cache)
            for plane in slices
        ]

    together = bytes_of(cache_for(model))
    assert rows == [1] * (3 + 1)
    assert bytes_of(None) == together
    assert len(rows) == 4 + 3 * 5 + 1


class LeftHalf(Plain):
    """Sees tumour in the left half of whatever it is shown, and adds the image."""

    def forward(self, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        side = torch.where(torch.arange(images.shape[-1]) < images.shape[-1] // 2, 4.0, -4.0)
        return images + side


def test_mirrored_logits_are_turned_back_and_averaged(pairs) -> None:
    some = pairs(1)
    (mode,) = audit_inputs(some.genes, AVERAGE, ["P0"], PredictSettings(), reads_genes=False)
    found = {}
    for tta_flip in (False, True):
        settings = PredictSettings(batch=2, tta_flip=tta_flip)
        ((_, slices),) = predict(LeftHalf(), some, mode, settings)
        found[tta_flip] = np.stack(slices)
    # The two halves cancel; the image, which was turned and turned back, remains.
    probability = torch.sigmoid(some.slices.images.squeeze(1).double()).numpy()
    # 4 was added and taken off again: the last bit of that may cross from one byte to the next.
    assert np.abs(found[True] - np.minimum(np.floor(256 * probability), 255)).max() <= 1
    assert np.abs(found[False] - found[True].astype(float)).max() > 50
