"""A trained model as a folder: weights, its frozen genes, a card and what it is, checked when read.

config.json is written last and has the digest of every other file, and of itself: a folder with it is whole.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import SEAL, digest_of, sha256_of, unsealed, write_json
from mgi.core.section import read_record
from mgi.modalities.rna.normalise import FittedGenes, read_fitted_genes
from mgi.release.further import Further, files_of, read_further
from mgi.release.slide_range import Moments, SlideRange, TileSource
from mgi.release.training_range import TrainingRange
from mgi.tasks.learning import Learning, predicting
from mgi.training.weights import Weights, load_weights

FORMAT = "mgi-release-3"
CONFIG, WEIGHTS, GENES, CARD = "config.json", "weights.safetensors", "genes.parquet", "MODEL_CARD.md"
COPY = "copy the release again"
FILES = (WEIGHTS, GENES, CARD)
SLIDE_RANGE = "slide_range"  # an entry of config.json where slides are read beside scans
METADATA = "configs/metadata.json"  # for other programs; releases of before there was one lack it
FIELDS = (
    "digest", "expression_unit", "files", "format", "genes", "method", "mgi", "model", "reads_genes", "run",
    "simulated", "threshold", "training_range",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Release:
    """A model ready for use: the network with its weights, the frozen genes and what training was like.

    `digest` stands for the whole folder, `further` has what the model reads beside expression, or alone. `reads_genes`
    is False where the method, or its training, had no genes, whatever modality; `learning` says what its outputs mean.
    `threshold` is that of a mask, None where the answer is of the patient. `slide_range` is there where slides are read
    beside scans.
    """

    network: nn.Module
    learning: Learning
    weights: Weights
    fitted: FittedGenes
    expression_unit: str
    reads_genes: bool
    threshold: float | None
    training_range: TrainingRange | SlideRange
    simulated: bool
    digest: str
    further: Mapping[str, Further]
    slide_range: SlideRange | None = None

    @property
    def of_slides(self) -> SlideRange | None:
        """What the training patients' slides were like; None where it reads scans alone."""
        return self.training_range if isinstance(self.training_range, SlideRange) else self.slide_range

    @property
    def reads_expression(self) -> bool:
        """Whether expression is among what it reads."""
        return self.reads_genes and self.weights.model.expression

    @property
    def tiles(self) -> TileSource | None:
        """The tiles of slides that the model reads; None where it reads scans alone."""
        return None if self.of_slides is None else self.of_slides.source

    @property
    def reads_several(self) -> bool:
        """Whether it can be given a scan and a slide of one patient."""
        return self.slide_range is not None


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
    for field, expected in entries_of(weights, fitted).items():
        if config.get(field) != expected:
            raise BadInputError(
                f"{where}: {field}: found {_short(config.get(field))}, expected {_short(expected)} as its files say"
            )
    beside = None
    if weights.model.tile_width_beside is not None:
        if SLIDE_RANGE not in config:
            raise BadInputError(f"{where}: {SLIDE_RANGE}: missing")
        beside = read_record(SlideRange, config[SLIDE_RANGE], f"{where}: {SLIDE_RANGE}")
    kind: Any = TrainingRange if weights.model.tile_width is None else SlideRange
    return Release(
        network=network_of(weights, folder / WEIGHTS),
        learning=predicting(weights, folder / WEIGHTS),
        weights=weights,
        fitted=fitted,
        further=read_further(folder, weights, folder / WEIGHTS),
        slide_range=beside,
        training_range=read_record(kind, config["training_range"], f"{where}: training_range"),
        **{name: config[name] for name in ("expression_unit", "reads_genes", "threshold", "simulated", "digest")},
    )


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    config = read_config(path)
    found = config.get("format")
    if found != FORMAT:
        raise BadInputError(f"{path}: format: found {found}, expected {FORMAT}; release the run again with this mgi")
    if missing := sorted(set(FIELDS) - set(config)):
        raise BadInputError(f"{path}: {missing[0]}: missing")
    require_digest(config, path)
    further = config["model"].get("further") if isinstance(config["model"], dict) else None
    expected = sorted([*FILES, *files_of(list(further) if isinstance(further, dict) else [])])
    if sorted(set(config["files"]) - {METADATA}) != expected:
        raise BadInputError(f"{path}: files: found {sorted(config['files'])}, expected {expected}")
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
    for field, value in size_and_digest(path).items():
        if value != expected.get(field):
            raise IntegrityError(f"{path}: {field}: found {value}, expected {expected.get(field)}; {COPY}")


def size_and_digest(path: Path) -> dict[str, Any]:
    """What config.json says of a file."""
    return {"size": path.stat().st_size, "sha256": sha256_of(path)}


def entries_of(weights: Weights, fitted: FittedGenes) -> dict[str, Any]:
    """The entries of config.json that repeat, for a reader, what weights and genes say of themselves."""
    head = {} if weights.head is None else {"head": dict(weights.head)}
    genes = {"count": len(fitted.gene_ids), "hash": digest_of(fitted.gene_ids)}
    return {
        "method": weights.run.method,
        "run": weights.run.record(),
        "model": weights.model.plain(),
        "genes": {**genes, "scaler": fitted.scaler, "fitted_on": fitted.n_train},
        "reads_genes": weights.run.reads_genes,
        **head,
    }


def tile_moments(weights: Weights) -> Moments:
    """Mean and deviation (E,) by which a network of slides standardises tiles."""
    encoder = "image_encoder" if weights.model.tile_width_beside is None else "slide_encoder"
    mean, sd = (weights.tensors[f"{encoder}.embedding.tile_{name}"] for name in ("mean", "sd"))
    return mean.double().numpy(), sd.double().numpy()


def network_of(weights: Weights, path: Path) -> nn.Module:
    """The network of the weights.

    Raises BadInputError for a pre-training, and naming the first tensor that is not one of the method's with these
    settings.
    """
    if weights.run.is_pretraining:
        raise BadInputError(f"{path}: run.task: found {weights.run.task}, expected a task: it predicts nothing")
    network = predicting(weights, path).build(weights.run.method, weights.model, len(weights.genes), weights.gene_sets)
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
