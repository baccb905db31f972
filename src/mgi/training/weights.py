"""Final weights as safetensors, with all that is needed to use them: settings, run, and the gene list's digest."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.core.settings import parse
from mgi.models.settings import ModelSettings

FORMAT = "mgi-weights-1"


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
    metadata = {
        "format": FORMAT,
        "spec": json.dumps(spec, sort_keys=True),
        "model": json.dumps(asdict(model), sort_keys=True),
        "gene_hash": gene_hash,
        "n_genes": str(len(genes)),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    with atomic_path(path) as part:
        save_file(tensors, part, metadata=metadata)


def load_weights(path: Path | str, *, gene_hash: str) -> Weights:
    """Read weights for use with the gene list of this digest.

    Raises BadInputError where the file is damaged, of another format, or was trained on another gene list or order.
    """
    try:
        with safe_open(path, framework="pt") as source:
            metadata = source.metadata() or {}
            tensors = {name: source.get_tensor(name) for name in source.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise BadInputError(f"{path}: not readable as safetensors ({error}); delete it and run again") from None
    if metadata.get("format") != FORMAT:
        raise BadInputError(f"{path}: format {metadata.get('format')}, expected {FORMAT}")
    if metadata["gene_hash"] != gene_hash:
        raise BadInputError(
            f"{path}: trained on genes {metadata['gene_hash'][:12]}, the fold has {gene_hash[:12]}; "
            "the gene list or its order differs"
        )
    return Weights(
        tensors=tensors,
        spec=json.loads(metadata["spec"]),
        model=parse(ModelSettings, metadata["model"], where=f"{path}: model"),
        gene_hash=metadata["gene_hash"],
        n_genes=int(metadata["n_genes"]),
    )


def part_of(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The state of one submodule, its names without `prefix`."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
