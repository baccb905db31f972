"""Checkpoints that survive a kill: content-named files and one atomically replaced pointer.

They live in a folder that no workflow rule declares, because a failed job's declared outputs are deleted. A damaged
or foreign checkpoint is passed over for the one before it.
"""

import json
import logging
from pathlib import Path
from typing import Any

import torch

from mgi.core.files import atomic_path, digest_of, read_json, sha256_of, write_json

KEEP = 2
POINTER = "LATEST.json"
LOG = logging.getLogger(__name__)


def save_checkpoint(folder: Path, state: dict[str, Any], *, step: int, identity: str) -> None:
    """Write `state` (tensors and plain values) for `step`; keep the newest two.

    `identity` names what is being trained (settings, genes, split): a checkpoint of anything else is never resumed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "incoming.pt") as part:
        with part.open("wb") as sink:  # not by name: torch would hide that the disk is full
            torch.save(state, sink)
        digest = sha256_of(part)
    name = f"step-{step:07d}-{digest[:8]}.pt"
    (folder / "incoming.pt").replace(folder / name)
    kept = [entry for entry in _entries(folder) if entry["file"] != name][: KEEP - 1]
    latest = {"file": name, "sha256": digest, "step": step, "identity": identity}
    write_json(folder / POINTER, {"checkpoints": [latest, *kept]})
    names = {entry["file"] for entry in [latest, *kept]}
    for stale in folder.glob("*.pt"):
        if stale.name not in names:
            stale.unlink()


def load_checkpoint(folder: Path, *, identity: str) -> dict[str, Any] | None:
    """The newest intact checkpoint of this identity, or None; those of others are passed over, which is said."""
    for entry in _entries(folder):
        path = folder / Path(entry["file"]).name
        if entry["identity"] != identity:
            LOG.info("%s: passed over, of other settings, genes, patients or code", path)
        elif path.is_file() and sha256_of(path) == entry["sha256"]:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
            return state
    return None


def remove_checkpoints(folder: Path) -> None:
    """Delete what `save_checkpoint` wrote, once the final weights are in place."""
    for path in [*folder.glob("*.pt"), folder / POINTER]:
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def identity_of(*parts: Any) -> str:
    """A digest of everything that decides what is trained."""
    return digest_of(json.dumps(part, sort_keys=True, default=str) for part in parts)


def _entries(folder: Path) -> list[dict[str, Any]]:
    pointer = folder / POINTER
    return list(read_json(pointer)["checkpoints"]) if pointer.is_file() else []
