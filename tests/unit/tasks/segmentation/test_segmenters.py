from pathlib import Path

import pytest
import torch

from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.models.mgi import MGI, build_dual_encoder
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation.learning import WithoutGenes, build
from mgi.training.weights import Weights, load_weights, save_weights, start_from_pretrained

RUN = Run(task="pretraining", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)


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
    assert {name for name, one in trained.items() if one.grad.stride() != one.stride()} == set()
