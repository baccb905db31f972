"""A trained model as a folder: weights, its frozen genes, a card and what it is, checked when read; and its use.

config.json is written last and has the digest of every other file, and of itself: a folder with it is whole.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import mgi
from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import SEAL, atomic_path, digest_of, sha256_of, unsealed, write_json
from mgi.core.section import read_record
from mgi.datasets.slices import prepare_slices
from mgi.modalities.rna.normalise import FittedGenes, read_fitted_genes
from mgi.release.training_range import TrainingRange
from mgi.shards.image_shard import PatientImages
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.segmentation import learning
from mgi.tasks.segmentation.scoring import THRESHOLD
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings
from mgi.training.weights import Weights, load_weights

FORMAT = "mgi-release-3"
CONFIG, WEIGHTS, GENES, CARD = "config.json", "weights.safetensors", "genes.parquet", "MODEL_CARD.md"
COPY = "copy the release again"
FILES = (WEIGHTS, GENES, CARD)
FIELDS = (
    "digest", "expression_unit", "files", "format", "genes", "method", "mgi", "model", "reads_genes", "run",
    "simulated", "threshold", "training_range",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Release:
    """A model ready for use: the network with its weights, the frozen genes and what training was like.

    `digest` stands for the whole folder. `reads_genes` is False where the method, or its training, had no genes.
    """

    network: nn.Module
    weights: Weights
    fitted: FittedGenes
    expression_unit: str
    reads_genes: bool
    threshold: float
    training_range: TrainingRange
    simulated: bool
    digest: str


def write_release(
    folder: Path,
    *,
    weights: Path,
    genes: Path,
    card: str,
    training_range: TrainingRange,
    expression_unit: str,
    simulated: bool,
) -> None:
    """Copy weights and genes of a run into `folder`, with its card and config.json.

    Raises ConfigError where a release lies there already.
    """
    require_no_release(folder)
    fitted = read_fitted_genes(genes)
    loaded = load_weights(weights, genes=fitted.gene_ids)
    for source, name in ((weights, WEIGHTS), (genes, GENES)):
        with atomic_path(folder / name) as part:
            shutil.copyfile(source, part)
    with atomic_path(folder / CARD) as part:
        part.write_text(card, encoding="utf-8")
    config = {
        "format": FORMAT,
        "mgi": mgi.__version__,
        **_metadata(loaded, fitted),
        "expression_unit": expression_unit,
        "threshold": THRESHOLD,
        "training_range": asdict(training_range),
        "simulated": simulated,
        "files": {name: _size_and_digest(folder / name) for name in FILES},
    }
    write_config(folder / CONFIG, config)


def require_no_release(folder: Path) -> None:
    """Raise ConfigError where a release lies in the folder already."""
    if (folder / CONFIG).exists():
        raise ConfigError(f"--output: {folder}: a release lies there already; name another folder or delete it")


def load_release(folder: Path) -> Release:
    """Read and check all of a release.

    Raises BadInputError where the folder is no release, of another format, or its parts contradict each other,
    IntegrityError where a file is not the one that was released; the message names file and field.
    """
    config = _config(folder)
    for name, expected in sorted(config["files"].items()):
        _check_file(folder / name, expected)
    fitted = read_fitted_genes(folder / GENES, sealed=False)
    weights = load_weights(folder / WEIGHTS, genes=fitted.gene_ids)
    where = folder / CONFIG
    for field, expected in _metadata(weights, fitted).items():
        if config[field] != expected:
            raise BadInputError(
                f"{where}: {field}: found {_short(config[field])}, expected {_short(expected)} as its files say"
            )
    return Release(
        network=network_of(weights, folder / WEIGHTS),
        weights=weights,
        fitted=fitted,
        training_range=read_record(TrainingRange, config["training_range"], f"{where}: training_range"),
        **{name: config[name] for name in ("expression_unit", "reads_genes", "threshold", "simulated", "digest")},
    )


def segment_patient(
    members: Sequence[Release],
    images: PatientImages,
    scaled: Sequence[NDArray[np.float32] | None],
    device: torch.device,
) -> NDArray[np.uint8]:
    """floor(256 p) of every voxel (S, H, W) on the grid of `images`, from the mean logits of the members.

    `scaled` are the patient's genes (K,) as each member reads them; None gives the null token, or nothing to a model
    without genes. Members see the image at one size. Logits are averaged, not probabilities, as test-time flips are:
    the mean's sign is that of the members' mean evidence, and one member alone gives what it was scored with.
    """
    sizes = members[0].weights.model
    volume = [(images.patient_id, images.slices, None)]
    square = sizes.image_size, sizes.context_slices, sizes.image_crop
    slices = prepare_slices(volume, *square, of_channels=[images.volumes])
    logits = torch.zeros(())
    for member, own in zip(members, scaled, strict=True):
        genes = torch.zeros(1, len(member.fitted.gene_ids)) if own is None else torch.from_numpy(own).unsqueeze(0)
        given = ExpressionInput(name="new", genes=genes, donors=[None], use_genes=own is not None)
        pairs = Pairs(slices=slices, genes=genes)
        logits = logits + learning.logits_of(member.network.to(device), pairs, given, PredictSettings()) / len(members)
    return np.stack(learning.on_own_grid(logits, slices.frames[0]))


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    config = read_config(path)
    found = config.get("format")
    if found != FORMAT:
        raise BadInputError(f"{path}: format: found {found}, expected {FORMAT}; release the run again with this mgi")
    if missing := sorted(set(FIELDS) - set(config)):
        raise BadInputError(f"{path}: {missing[0]}: missing")
    require_digest(config, path)
    if set(config["files"]) != set(FILES):
        raise BadInputError(f"{path}: files: found {sorted(config['files'])}, expected {sorted(FILES)}")
    return dict(config)


def read_config(path: Path) -> dict[str, Any]:
    """The entries of config.json but the seal, which releases of older versions lack: they have `digest` alone.

    Raises BadInputError where it is missing or no JSON object.
    """
    if not path.is_file():
        raise BadInputError(f"{path}: missing, expected a folder that `mgi release` wrote")
    try:
        text = path.read_text(encoding="utf-8")
        config = json.loads(text)
        if not isinstance(config, dict) or SEAL in config:
            return unsealed(config, path, COPY, text)
        return dict(config)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not JSON ({error}); {COPY}") from None


def _check_file(path: Path, expected: Mapping[str, Any]) -> None:
    if not path.is_file():
        raise IntegrityError(f"{path}: missing, though {CONFIG} lists it; {COPY}")
    for field, value in _size_and_digest(path).items():
        if value != expected.get(field):
            raise IntegrityError(f"{path}: {field}: found {value}, expected {expected.get(field)}; {COPY}")


def _size_and_digest(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": sha256_of(path)}


def _metadata(weights: Weights, fitted: FittedGenes) -> dict[str, Any]:
    """The entries of config.json that repeat, for a reader, what weights and genes say of themselves."""
    genes = {"count": len(fitted.gene_ids), "hash": digest_of(fitted.gene_ids)}
    return {
        "method": weights.run.method,
        "run": weights.run.record(),
        "model": weights.model.plain(),
        "genes": {**genes, "scaler": fitted.scaler, "fitted_on": fitted.n_train},
        "reads_genes": weights.run.reads_genes,
    }


def network_of(weights: Weights, path: Path) -> nn.Module:
    """The network of the weights.

    Raises BadInputError naming the first tensor that is not one of the method's with these settings.
    """
    network = learning.build(weights.run.method, weights.model, len(weights.genes), weights.gene_sets)
    state = network.state_dict()
    for name in sorted(set(state) | set(weights.tensors)):
        found, expected = (
            tuple(tensors[name].shape) if name in tensors else "none" for tensors in (weights.tensors, state)
        )
        if found != expected:
            raise BadInputError(f"{path}: tensor {name}: found {found}, expected {expected}")
    network.load_state_dict(weights.tensors)
    return network.eval()


def require_digest(config: Mapping[str, Any], path: Path) -> None:
    """Raise IntegrityError where the entries are not those that were written."""
    if (digest := _digest(config)) != config["digest"]:
        raise IntegrityError(f"{path}: digest: found {digest}, expected {config['digest']}; {COPY}")


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write config.json with the digest of its entries."""
    write_json(path, {**config, "digest": _digest(config)})


def _digest(config: Mapping[str, Any]) -> str:
    return digest_of(
        [json.dumps({name: value for name, value in config.items() if name not in ("digest", SEAL)}, sort_keys=True)]
    )


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 80 else f"{text[:77]}..."
