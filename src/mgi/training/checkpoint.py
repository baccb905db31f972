"""Checkpoints that survive a kill: content-named files and one atomically replaced pointer.

They live in a folder that no workflow rule declares, because a failed job's declared outputs are deleted. A damaged
or foreign checkpoint is passed over for the one before it, which is said. Each carries what is being trained, and its
name its digest: where the pointer is gone or damaged, the files beside it are enough to go on.
"""

import json
import logging
import pickle
import re
from pathlib import Path
from typing import Any

import torch

from mgi.core.errors import MgiError
from mgi.core.files import atomic_path, digest_of, read_json, sha256_of, write_json

KEEP = 2
POINTER = "LATEST.json"
IDENTITY = "identity"  # the key of a checkpoint that holds what it was trained for
NAME = re.compile(r"step-(\d+)-([0-9a-f]{8})\.pt", re.ASCII)
LOG = logging.getLogger(__name__)


def save_checkpoint(folder: Path, state: dict[str, Any], *, step: int, identity: str) -> Path:
    """Write `state` (tensors and plain values) for `step`; keep the newest two, and return the new file.

    `identity` names what is being trained (settings, genes, split): a checkpoint of anything else is never resumed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "incoming.pt") as part:
        with part.open("wb") as sink:  # not by name: torch would hide that the disk is full
            torch.save({**state, IDENTITY: identity}, sink)
        digest = sha256_of(part)
    name = f"step-{step:07d}-{digest[:8]}.pt"
    (folder / "incoming.pt").replace(folder / name)
    kept = [entry for entry in _listed(folder) or [] if entry["file"] != name][: KEEP - 1]
    latest = {"file": name, "sha256": digest, "step": step, "identity": identity}
    write_json(folder / POINTER, {"checkpoints": [latest, *kept]})
    names = {entry["file"] for entry in [latest, *kept]}
    for stale in folder.glob("*.pt"):
        if stale.name not in names:
            stale.unlink()
    return folder / name


def load_checkpoint(folder: Path, *, identity: str) -> dict[str, Any] | None:
    """The newest whole checkpoint of this identity, or None; what is passed over is said, and so is a start anew."""
    listed = _listed(folder)
    known = {Path(entry["file"]).name for entry in listed or []}
    others = _unlisted(folder, known)
    if listed is None and others:
        state_of_it = "damaged" if (folder / POINTER).exists() else "missing"
        LOG.warning("%s: %s; the checkpoints beside it are read instead", folder / POINTER, state_of_it)
    names = [Path(entry["file"]).name for entry in listed or [] if entry["identity"] == identity]
    for entry in listed or []:
        if entry["identity"] != identity:
            LOG.info("%s: passed over, of other settings, genes, patients or code", folder / Path(entry["file"]).name)
    for name in [*names, *others]:
        state = _whole(folder / name, identity)
        if state is not None:
            if name in others:
                LOG.warning("%s: going on from this one", folder / name)
            return state
    if names or others:
        LOG.warning("%s: no checkpoint of this run is whole; it starts anew", folder)
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


def _listed(folder: Path) -> list[dict[str, Any]] | None:
    """The entries of the pointer, newest first; None where it is missing or damaged."""
    try:
        entries = read_json(folder / POINTER)["checkpoints"]
        whole = all(isinstance(entry[key], str) for entry in entries for key in ("file", "sha256", "identity"))
        return list(entries) if whole else None
    except (OSError, MgiError, KeyError, TypeError):
        return None


def _unlisted(folder: Path, listed: set[str]) -> list[str]:
    """Names of checkpoints that the pointer does not list, newest first."""
    found = [match for path in folder.glob("*.pt") if (match := NAME.fullmatch(path.name)) and path.name not in listed]
    return [match[0] for match in sorted(found, key=lambda match: int(match[1]), reverse=True)]


def _whole(path: Path, identity: str) -> dict[str, Any] | None:
    """A checkpoint of this identity with the bytes that its name promises; else None, and why is said."""
    match = NAME.fullmatch(path.name)
    if not path.is_file():
        LOG.warning("%s: passed over, it is missing", path)
        return None
    if match is None or not sha256_of(path).startswith(match[2]):
        LOG.warning("%s: passed over, it is damaged (its SHA-256 is not the one of its name)", path)
        return None
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError) as error:
        LOG.warning("%s: passed over, it is no checkpoint of ours (%s)", path, type(error).__name__)
        return None
    if not isinstance(state, dict) or state.get(IDENTITY) != identity:
        LOG.info("%s: passed over, of other settings, genes, patients or code", path)
        return None
    return {key: value for key, value in state.items() if key != IDENTITY}
