"""What a release says of itself in the words of a MONAI bundle, for programs that list or deploy models.

Source: MONAI bundle specification (docs/source/mb_specification.rst of Project-MONAI/MONAI). The release is no bundle:
its network is loaded by `mgi.load_release`, since a state dictionary alone would lack genes, scaler and preparation.
"""

from importlib.metadata import version
from typing import Any

import mgi
from mgi.core.run import IMAGE
from mgi.models.settings import NetworkSettings
from mgi.release.slide_range import TileSource
from mgi.training.weights import Weights

PACKAGES = ("nibabel", "pandas", "pyarrow", "pydicom", "safetensors", "scipy")
NAMES = {"pre": "T1 before contrast", "flair": "FLAIR", "post": "T1 after contrast"}


def bundle_metadata(weights: Weights, *, does: str, simulated: bool, tiles: TileSource | None = None) -> dict[str, Any]:
    """The entries of configs/metadata.json; `does` is the first sentence of the model's card.

    `tiles` are what a model of slides reads in place of a scan, or beside it.
    """
    data = "SIMULATED patients" if simulated else "the cohort that MODEL_CARD.md describes"
    return {
        "version": mgi.__version__,
        "changelog": {mgi.__version__: f"run {weights.run.key}"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").split("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {"mgi": mgi.__version__, **{name: version(name) for name in PACKAGES}},
        "name": weights.run.key,
        "task": does,
        "description": f"{does}. Method {weights.run.method}, trained on {data}. Load it with mgi.load_release.",
        "authors": "whoever made the release, by mgi",
        "copyright": "as the data it was trained on allow",
        "intended_use": "research only; not a medical device",
        "network_data_format": {"inputs": _inputs(weights, tiles), "outputs": {"pred": _output(weights)}},
    }


def _inputs(weights: Weights, tiles: TileSource | None) -> dict[str, Any]:
    """What the network reads: slices at its size or tiles, and the scaled numbers of genetic modalities."""
    inputs: dict[str, Any] = {}
    if tiles is not None:
        made_by = f"vectors of tiles of {tiles.tile_px} pixels at {tiles.mpp:g} um, by the encoder {tiles.encoder}"
        inputs["tiles"] = {
            "type": "tuples",
            "format": "latent",
            "modality": "slide",
            "num_channels": tiles.width,
            "spatial_shape": ["*"],
            "dtype": "float32",
            "value_range": [],
            "is_patch_data": True,
            "channel_def": {"0": made_by},
        }
    if IMAGE in weights.run.images:
        names = _channels(weights.model)
        inputs["image"] = {
            **_image(weights.model, len(names)),
            "format": "magnitude",
            "modality": "MR",
            "value_range": [],
            "channel_def": names,
        }
    if weights.run.reads_genes and weights.model.expression:
        told = "expression as the scaler of genes.parquet gives it, genes in the order of that file"
        inputs["expression"] = _numbers("RNA", len(weights.genes), told)
    for name, size in sorted(weights.model.further.items()):
        inputs[name] = _numbers(
            name, size, f"{name} as {name}.fit.parquet gives it, features in the order of that file"
        )
    return inputs


def _numbers(modality: str, size: int, told: str) -> dict[str, Any]:
    """A vector of so many numbers."""
    return {
        "type": "tuples",
        "format": "sequence",
        "modality": modality,
        "num_channels": 1,
        "spatial_shape": [size],
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": False,
        "channel_def": {"0": told},
    }


def _output(weights: Weights) -> dict[str, Any]:
    head = weights.head
    if head is None:
        return {
            **_image(weights.model, 1),
            "format": "segmentation",
            "modality": "n/a",
            "value_range": [],
            "channel_def": {"0": "logit of tumour; a mask is where it is 0 or more"},
        }
    names = head["classes"] if "classes" in head else [f"{head['endpoint']}: log risk"]
    return {
        "type": "probabilities" if "classes" in head else "tuples",
        "format": "classes",
        "modality": "n/a",
        "num_channels": len(names),
        "spatial_shape": [],
        "dtype": "float32",
        "value_range": [0, 1] if "classes" in head else [],
        "is_patch_data": False,
        "channel_def": {str(number): name for number, name in enumerate(names)},
    }


def _image(model: NetworkSettings, channels: int) -> dict[str, Any]:
    side = model.image_size
    return {
        "type": "image",
        "num_channels": channels,
        "spatial_shape": [side, side],
        "dtype": "float32",
        "is_patch_data": False,
    }


def _channels(model: NetworkSettings) -> dict[str, str]:
    """Each channel of the image by its number: the slice and its neighbours, one sequence after the other."""
    reach = range(-model.context_slices, model.context_slices + 1)
    names = [f"{NAMES[one]}{f', slice {step:+d}' if step else ''}" for one in model.channels for step in reach]
    return {str(number): f"{name}, standardised per volume" for number, name in enumerate(names)}
