"""Sizes that do not go together are refused by their keys; whatever is accepted gives networks that run."""

import random
from typing import Any

import pytest
import torch

from mgi.config.tree import checked
from mgi.core.errors import ConfigError
from mgi.models.mgi import build_dual_encoder
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation.learning import BASELINES, build

N_GENES = 60
DRAWN: dict[str, list[Any]] = {
    "image_size": [32, 36, 48, 50],
    "patch_size": [4, 6, 8, 16],
    "image_stem": ["patch_embed", "conv"],
    "stem_width": [4, 6],
    "image_width": [24, 32, 36],
    "image_heads": [2, 3, 4],
    "context_slices": [0, 1],
    "fusion": ["decoder", "decoder", "film"],
    "fusion_tokens": [1, 3, 1024],
    "gene_encoder": ["mamba", "transformer", "mlp", "flat_mlp", "group_attention"],
    "gene_tokens": ["gene", "shared", "local"],
    "gene_patch": [8, 50, 100],
    "gene_groups": [4, 30],
    "gene_pooling": ["mixed", "mean"],
    "gene_width": [16, 20],
    "decoder_width": [16, 24, 30],
    "decoder_heads": [2, 3, 4],
    "upsampling_stages": [0, 1, 3, 5],
    "baseline_width": [4, 6],
    "convolution_norm": ["instance", "batch"],
}
SMALL = {"size": "tiny", "image_depth": 1, "gene_depth": 1, "decoder_depth": 1, "scan_backend": "torch"}


def refused(model: dict[str, Any]) -> str | None:
    try:
        checked({"model": SMALL | model})
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_accepted_gives_networks_that_run(seed: int) -> None:
    rng, ran = random.Random(seed), 0
    while ran < 3:
        model = {key: rng.choice(values) for key, values in DRAWN.items()}
        if refused(model):
            continue
        settings, ran = ModelSettings(**SMALL, **model), ran + 1
        images = torch.rand(2, settings.image_channels, settings.image_size, settings.image_size)
        genes, both = torch.rand(2, N_GENES), torch.tensor([True, True])
        vectors = build_dual_encoder(settings, N_GENES)(images, genes)
        assert {part.shape for part in vectors} == {(2, settings.projection_width)}
        for method in ("mgi", *BASELINES):
            logits = build(method, settings, N_GENES)(images, genes, torch.arange(2), both)
            assert logits.shape == (2, 1, settings.image_size, settings.image_size)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"image_size": 48, "patch_size": 32}, "model.image_size: found 48, expected a multiple of 32, patch_size"),
        ({"image_width": 24, "image_heads": 5}, "model.image_width: found 24, expected a multiple of 5, image_heads"),
        (
            {"decoder_width": 30, "decoder_heads": 2},
            "model.decoder_width: found 30, expected a multiple of 4, twice decoder_heads",
        ),
        (
            {"image_stem": "conv", "image_size": 48, "patch_size": 6},
            "model.patch_size: found 6, expected a power of two, for image_stem conv",
        ),
        (
            {"image_size": 40, "patch_size": 4},
            "model.image_size: found 40, expected a multiple of 16, for resunet, attention_unet, deeplabv3plus of "
            "runs.methods",
        ),
    ],
)
def test_sizes_that_do_not_go_together_are_refused_by_their_keys(model: dict[str, Any], message: str) -> None:
    assert refused(model) == message


def test_a_side_that_only_baselines_cannot_halve_is_accepted_without_them() -> None:
    config = {"model": {**SMALL, "image_size": 40, "patch_size": 4}, "runs": {"methods": ["mgi", "unet"]}}
    assert checked(config)["model"]["image_size"] == 40


def test_the_u_net_of_film_reads_no_key_of_the_transformer() -> None:
    assert refused({"fusion": "film", "image_size": 48, "patch_size": 10, "image_width": 25}) is None
