"""Final weights as safetensors, with all that is needed to use them: settings, run, and the genes in model order.

A model is of one list of genes in one order, and of one list of gene sets: anything else is refused by name.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path, digest_of
from mgi.core.run import EXPRESSION, Run, run_of
from mgi.models.further import FurtherModalities
from mgi.models.gene_tokens import Members
from mgi.models.settings import ModelSettings, NetworkSettings

LOG = logging.getLogger(__name__)

FORMAT = "mgi-weights-5"
# One entry holds all: safetensors writes several in random order, and equal weights would not be equal bytes.
ENTRY = "mgi"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Tensors by name and what they belong to: `genes` in model order, and the pathways' genes as places in it.

    `head` says what the outputs of a task of labels mean, such as its classes in their order. `modalities` are those of
    a network with other modalities than expression: by name the features in model order, None for expression.
    """

    tensors: dict[str, Tensor]
    run: Run
    model: NetworkSettings
    genes: list[str]
    gene_sets: Members | None = None
    head: Mapping[str, Any] | None = None
    modalities: Mapping[str, list[str] | None] | None = None


def save_weights(
    path: Path | str,
    module: nn.Module,
    *,
    run: Run,
    model: ModelSettings,
    genes: list[str],
    gene_sets: Members | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write the state of `module`, trained for `genes` in this order; `more` has the `head` and `modalities`."""
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
    metadata |= {name: dict(one) for name, one in (more or {}).items() if one is not None}
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
        model=NetworkSettings.read(metadata["model"], where=f"{path}: model"),
        genes=metadata["genes"],
        gene_sets=None if metadata["gene_sets"] is None else dict(metadata["gene_sets"]),
        head=metadata.get("head"),
        modalities=metadata.get("modalities"),
    )


def _digest_of_metadata(metadata: dict[str, Any]) -> str:
    """SHA-256 of all entries but itself: a flipped letter of the run or the settings is no longer that run."""
    return digest_of(
        [json.dumps({name: value for name, value in metadata.items() if name != "digest"}, sort_keys=True)]
    )


def digest_of_tensors(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and numbers; safetensors has no checksum of its own."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def start_from_pretrained(
    model: nn.Module, weights: Weights, *, image: str = "image_encoder", genes: bool = True
) -> None:
    """Copy the pre-trained encoders into a network, in place, and their pooling where it has such; heads stay behind.

    That of the image becomes the network's part named `image`; without `genes` it is copied alone.

    Of a pre-training with several modalities those of the image, of expression and of the network's further modalities
    are copied, as far as the network reads them; an encoder that was not among them stays as it is. Raises
    BadInputError where the pre-trained encoders have other sizes.
    """
    several, parts = weights.modalities, dict(model.named_children())
    pooling = [name for name in ("image_pooling", "gene_pooling") if parts.get(name) is not None]
    own = [] if getattr(model, "further", None) is not None and parts.get("gene_encoder") is None else ["gene_encoder"]
    for name in ("image_encoder", *own, *pooling):
        of_genes = name.startswith("gene_")
        if (of_genes and not genes) or (name == "image_pooling" and image != "image_encoder"):
            continue
        if of_genes and several is not None and EXPRESSION not in several:
            continue
        try:
            part_of = f"modalities.{EXPRESSION}.{name.removeprefix('gene_')}"
            prefix = f"{name if several is None or not of_genes else part_of}."
            part = {key.removeprefix(prefix): one for key, one in weights.tensors.items() if key.startswith(prefix)}
            model.get_submodule(image if name == "image_encoder" else name).load_state_dict(part)
        except (AttributeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise BadInputError(f"pre-trained weights do not fit {name}: {reason}") from None
    if genes and isinstance(further := getattr(model, "further", None), FurtherModalities):
        _start_further(further, weights)


def _start_further(further: FurtherModalities, weights: Weights) -> None:
    """Copy the encoder and pooling of each further modality; the log names those that were not pre-trained."""
    for name in further.names:
        if name not in (weights.modalities or {}):
            LOG.info("%s: not in %s: its encoder begins with random weights", name, weights.run.key)
            continue
        for kind in ("encoder", "pooling"):
            prefix = f"modalities.{name}.{kind}."
            part = {key.removeprefix(prefix): one for key, one in weights.tensors.items() if key.startswith(prefix)}
            try:
                further.of(name).get_submodule(kind).load_state_dict(part)
            except RuntimeError as error:
                reason = " ".join(str(error).split())[:200]
                raise BadInputError(f"pre-trained weights do not fit {kind} of {name}: {reason}") from None


def require_same_genes(trained: Sequence[str], given: Sequence[str], *, where: str) -> None:
    """Raise BadInputError unless `given` are the genes that were trained on, in their order.

    The message says how many differ and names the first that does, with its place counted from 1.
    """
    differing = [place for place, (one, two) in enumerate(zip_longest(trained, given)) if one != two]
    if not differing:
        return
    missing, added = (sum((Counter(a) - Counter(b)).values()) for a, b in ((trained, given), (given, trained)))
    counts = f"{missing} of its {len(trained)} genes are missing and {added} of the {len(given)} given are not its own"
    order = f"the same {len(trained)} genes in another order, {len(differing)} of them elsewhere"
    place = differing[0]
    raise BadInputError(
        f"{where}: trained on another gene list: {counts if missing or added else order}; "
        f"the first that differs is gene {place + 1}: found {_at(given, place)}, expected {_at(trained, place)}"
    )


def require_same_sets(trained: Members | None, given: Members | None, *, where: str) -> None:
    """Raise BadInputError unless both have the same gene sets in the same order, with the same genes."""
    mine, other = ([(name, list(own)) for name, own in (sets or {}).items()] for sets in (trained, given))
    differing = [place for place, (one, two) in enumerate(zip_longest(mine, other)) if one != two]
    if not differing:
        return
    names = [[name for name, _ in sets] for sets in (mine, other)]
    place = differing[0]
    raise BadInputError(
        f"{where}: trained on other gene sets: {len(differing)} of {max(map(len, names))} differ, the first is set "
        f"{place + 1}: found {_at(names[1], place)}, expected {_at(names[0], place)} with the genes that it had"
    )


def _at(names: Sequence[str], place: int) -> str:
    return repr(names[place][:60]) if place < len(names) else "none"
