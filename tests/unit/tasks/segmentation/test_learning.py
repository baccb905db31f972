import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.datasets.volume import Frame, frame_of_slice
from mgi.models.mgi import MGI, build_dual_encoder, build_mgi
from mgi.models.settings import ModelSettings
from mgi.tasks.expression_inputs import audit_inputs
from mgi.tasks.segmentation.learning import WithoutGenes, build, predict, segmentation_loss, soft_dice_loss
from mgi.training.finetune import GeneCache, cache_for
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings
from mgi.training.weights import Weights, load_weights, save_weights, start_from_pretrained

AVERAGE = torch.tensor([3.0, 5.0])
RUN = Run(task="pretraining", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)
UNDECIDED = torch.zeros(1, 1, 2, 2)  # p = 1/2 everywhere
HALF = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])


def pretrained(folder: Path, settings: ModelSettings) -> Weights:
    torch.manual_seed(9)
    aligner = build_dual_encoder(settings, 10)
    path = folder / "weights.safetensors"
    save_weights(path, aligner, run=RUN, model=settings, genes=["g"] * 10)
    return load_weights(path, genes=["g"] * 10)


def test_every_method_has_a_network_and_only_mgi_sees_genes(model_settings) -> None:
    assert isinstance(build("mgi", model_settings, 10), MGI)
    for method in ("unet", "resunet", "attention_unet", "deeplabv3plus"):
        assert isinstance(build(method, model_settings, 10), WithoutGenes)


def test_an_unknown_method_is_named_with_the_known_ones(model_settings) -> None:
    with pytest.raises(BadInputError, match=r"method 'nnunet': .*\['mgi', 'unet'"):
        build("nnunet", model_settings, 10)


def test_both_encoders_start_pretrained_and_all_else_stays_fresh(tmp_path: Path, model_settings) -> None:
    weights = pretrained(tmp_path, model_settings)
    torch.manual_seed(0)
    model = build("mgi", model_settings, 10)
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    start_from_pretrained(model, weights)
    for name, tensor in model.state_dict().items():
        encoder = name.startswith(("image_encoder.", "gene_encoder."))
        assert torch.equal(tensor, weights.tensors[name] if encoder else fresh[name]), name
    assert "gene_projection.weight" in weights.tensors


def test_encoders_of_another_size_are_refused_by_name_in_one_line(tmp_path: Path, model_settings) -> None:
    weights = pretrained(tmp_path, model_settings)
    other = build("mgi", model_settings.but(gene_width=32), 10)
    with pytest.raises(BadInputError, match=r"weights .*gene_encoder: .*GeneEncoder") as caught:
        start_from_pretrained(other, weights)
    assert "\n" not in str(caught.value)


def test_a_network_without_encoders_cannot_start_pretrained(tmp_path: Path, model_settings) -> None:
    with pytest.raises(BadInputError, match=r"weights .*image_encoder: "):
        start_from_pretrained(build("unet", model_settings, 10), pretrained(tmp_path, model_settings))


def steps_in_memory(one: torch.Tensor) -> list[int]:
    """Strides of the axes of more than one element: along the others nobody walks."""
    return [step for step, size in zip(one.stride(), one.shape, strict=True) if size > 1]


@pytest.mark.parametrize("method", ["mgi", "unet", "resunet", "attention_unet", "deeplabv3plus"])
def test_gradients_lie_in_memory_as_their_weights_do(method: str, model_settings) -> None:
    """The fused AdamW of torch 2.13 pairs the wrong numbers of two layouts, without a word."""
    settings = model_settings.but(image_stem="conv")
    torch.manual_seed(0)
    model = build(method, settings, 10)
    images = torch.randn(4, 1, settings.image_size, settings.image_size)
    model(images, torch.randn(4, 10), torch.arange(4), torch.ones(4, dtype=torch.bool)).square().mean().backward()
    trained = {name: one for name, one in model.named_parameters() if one.grad is not None}
    assert any(one.ndim == 4 and not one.is_contiguous() for one in trained.values()) == (method != "deeplabv3plus")
    assert {name for name, one in trained.items() if steps_in_memory(one.grad) != steps_in_memory(one)} == set()


def test_the_soft_dice_of_an_undecided_slice_by_hand() -> None:
    # sum pt = 1, sum p = 2, sum t = 2: 1 - (2 + 1) / (4 + 1)
    assert soft_dice_loss(UNDECIDED, HALF).item() == pytest.approx(0.4)


def test_the_loss_is_half_cross_entropy_and_half_dice() -> None:
    assert segmentation_loss(UNDECIDED, HALF).item() == pytest.approx(0.5 * math.log(2) + 0.5 * 0.4)


def test_a_certain_and_right_mask_costs_nothing_and_a_wrong_one_nearly_everything() -> None:
    right = 100 * (2 * HALF - 1)
    assert segmentation_loss(right, HALF).item() == pytest.approx(0, abs=1e-6)
    assert soft_dice_loss(-right, HALF).item() == pytest.approx(1 - 1 / 5)


def test_an_empty_slice_predicted_empty_costs_nothing_and_has_a_finite_gradient() -> None:
    empty = torch.zeros(1, 1, 2, 2)
    assert soft_dice_loss(empty - 100, empty).item() == pytest.approx(0)
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    segmentation_loss(logits, empty).backward()
    assert (logits.grad > 0).all()


def test_dice_is_pooled_over_the_batch() -> None:
    logits, masks = torch.cat([UNDECIDED, UNDECIDED]), torch.cat([HALF, torch.zeros_like(HALF)])
    # sum pt = 1, sum p = 4, sum t = 2
    assert soft_dice_loss(logits, masks).item() == pytest.approx(1 - 3 / 7)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_pixel_half_in_the_tumour_costs_least_where_the_network_says_so(share: float) -> None:
    mask = torch.tensor([1.0, share, 0.0]).view(1, 1, 1, 3)
    certain = torch.tensor([30.0, 0.0, -30.0])
    for loss in (soft_dice_loss, segmentation_loss):
        costs = {}
        for said in torch.arange(0.05, 1.0, 0.05):
            certain[1] = torch.logit(said)
            costs[round(float(said), 2)] = loss(certain.view(1, 1, 1, 3), mask).item()
        assert min(costs, key=costs.get) == share


def test_of_masks_of_zero_and_one_dice_is_that_of_the_product() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 5, 5, generator=generator)
    mask = (torch.rand(2, 1, 5, 5, generator=generator) < 0.3).float()
    said = torch.sigmoid(logits)
    assert soft_dice_loss(logits, mask).item() == pytest.approx(
        1 - (2 * (said * mask).sum() + 1).item() / (said.sum() + mask.sum() + 1).item()
    )


class Plain(nn.Module):
    """The image as logits, shifted by the patient's first gene where genes are used."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        return images + (genes[:, 0] * has_genes)[patient][:, None, None, None]


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
            given = row if mode.rows is None else mode.rows[row]
            expected = constant[mode.genes[given, 0].item()] if mode.use_genes else 128
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
