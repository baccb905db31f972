"""Final weights as safetensors, with all that is needed to use them: settings, run, and the gene list's digest."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.core.fingerprint import digest_of
from mgi.core.settings import parse
from mgi.models.settings import ModelSettings

FORMAT = "mgi-weights-2"
# One entry holds all: safetensors writes several in random order, and equal weights would not be equal bytes.
ENTRY = "mgi"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Tensors by name and what they belong to; `gene_hash` is the digest of the kept genes in model order."""

    tensors: dict[str, Tensor]
    spec: dict[str, Any]
    model: ModelSettings
    gene_hash: str
    n_genes: int


def save_weights(
    path: Path | str, module: nn.Module, *, spec: dict[str, Any], model: ModelSettings, genes: list[str], gene_hash: str
) -> None:
    """Write the state of `module`, trained for `genes` in this order."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    facts = {
        "format": FORMAT,
        "spec": spec,
        "model": asdict(model),
        "gene_hash": gene_hash,
        "n_genes": len(genes),
        "tensors": digest_of_tensors(tensors),
    }
    facts["digest"] = _digest_of_facts(facts)
    with atomic_path(path) as part:
        # Through Python's own files, which tell a full disk from other failures.
        part.write_bytes(save(tensors, metadata={ENTRY: json.dumps(facts, sort_keys=True)}))


def load_weights(path: Path | str, *, gene_hash: str) -> Weights:
    """Read weights for use with the gene list of this digest.

    Raises BadInputError where the file is damaged, of another format, or was trained on another gene list or order.
    """
    try:
        with safe_open(path, framework="pt") as source:
            facts = json.loads((source.metadata() or {}).get(ENTRY, "{}"))
            tensors = {name: source.get_tensor(name) for name in source.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInputError(f"{path}: not readable as safetensors ({error}); delete it and run again") from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        found = facts.get("format") if isinstance(facts, dict) else facts
        raise BadInputError(f"{path}: format {found}, expected {FORMAT}")
    if facts.get("digest") != _digest_of_facts(facts) or digest_of_tensors(tensors) != facts["tensors"]:
        raise BadInputError(f"{path}: its numbers are not those that were saved; delete it and run again")
    if facts["gene_hash"] != gene_hash:
        raise BadInputError(
            f"{path}: trained on genes {facts['gene_hash'][:12]}, the fold has {gene_hash[:12]}; "
            "the gene list or its order differs"
        )
    return Weights(
        tensors=tensors,
        spec=facts["spec"],
        model=parse(ModelSettings, facts["model"], where=f"{path}: model"),
        gene_hash=facts["gene_hash"],
        n_genes=facts["n_genes"],
    )


def _digest_of_facts(facts: dict[str, Any]) -> str:
    """SHA-256 of all entries but itself: a flipped letter of the run or the settings is no longer that run."""
    return digest_of([json.dumps({name: fact for name, fact in facts.items() if name != "digest"}, sort_keys=True)])


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
