"""Final weights as safetensors, with all that is needed to use them: settings, run, and the genes in model order."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path, digest_of
from mgi.core.run import Run, run_of
from mgi.models.gene_tokens import Members
from mgi.models.settings import ModelSettings
from mgi.training.frozen_genes import require_same_genes

FORMAT = "mgi-weights-5"
# One entry holds all: safetensors writes several in random order, and equal weights would not be equal bytes.
ENTRY = "mgi"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Tensors by name and what they belong to: `genes` in model order, and the pathways' genes as places in it."""

    tensors: dict[str, Tensor]
    run: Run
    model: ModelSettings
    genes: list[str]
    gene_sets: Members | None = None


def save_weights(
    path: Path | str,
    module: nn.Module,
    *,
    run: Run,
    model: ModelSettings,
    genes: list[str],
    gene_sets: Members | None = None,
) -> None:
    """Write the state of `module`, trained for `genes` in this order."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    metadata = {
        "format": FORMAT,
        "run": run.record(),
        "model": model.plain(),
        "gene_hash": digest_of(genes),
        "genes": genes,
        # As pairs: the order of the sets is that of the tokens, and the keys of a mapping are sorted.
        "gene_sets": None if gene_sets is None else [[name, list(own)] for name, own in gene_sets.items()],
        "tensors": digest_of_tensors(tensors),
    }
    metadata["digest"] = _digest_of_metadata(metadata)
    with atomic_path(path) as part:
        # Through Python's own files, which tell a full disk from other failures.
        part.write_bytes(save(tensors, metadata={ENTRY: json.dumps(metadata, sort_keys=True)}))


def load_weights(path: Path | str, *, genes: list[str]) -> Weights:
    """Read weights for use with these genes in this order.

    Raises BadInputError where the file is damaged, of another format, or was trained on another gene list or order.
    """
    try:
        with safe_open(path, framework="pt") as source:
            metadata = json.loads((source.metadata() or {}).get(ENTRY, "{}"))
            tensors = {name: source.get_tensor(name) for name in source.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInputError(f"{path}: not readable as safetensors ({error}); delete it and run again") from None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        found = metadata.get("format") if isinstance(metadata, dict) else metadata
        whose = " of another version of mgi" if str(found).startswith(FORMAT[:-1]) else ""
        raise BadInputError(f"{path}: format {found}{whose}, expected {FORMAT}; delete it and train again")
    if metadata.get("digest") != _digest_of_metadata(metadata) or digest_of_tensors(tensors) != metadata["tensors"]:
        raise BadInputError(f"{path}: its numbers are not those that were saved; delete it and run again")
    require_same_genes(metadata["genes"], genes, where=str(path))
    return Weights(
        tensors=tensors,
        run=run_of(metadata, str(path)),
        model=ModelSettings.read(metadata["model"], where=f"{path}: model"),
        genes=metadata["genes"],
        gene_sets=None if metadata["gene_sets"] is None else dict(metadata["gene_sets"]),
    )


def _digest_of_metadata(metadata: dict[str, Any]) -> str:
    """SHA-256 of all entries but itself: a flipped letter of the run or the settings is no longer that run."""
    return digest_of(
        [json.dumps({name: value for name, value in metadata.items() if name != "digest"}, sort_keys=True)]
    )


def part_of(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The state of one submodule, its names without `prefix`."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def digest_of_tensors(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and numbers; safetensors has no checksum of its own."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def start_from_pretrained(model: nn.Module, weights: Weights) -> None:
    """Copy both pre-trained encoders into a network, in place; the pre-training heads stay behind.

    Raises BadInputError where the pre-trained encoders have other sizes.
    """
    for name in ("image_encoder", "gene_encoder"):
        try:
            model.get_submodule(name).load_state_dict(part_of(weights.tensors, f"{name}."))
        except (AttributeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise BadInputError(f"pre-trained weights do not fit {name}: {reason}") from None
