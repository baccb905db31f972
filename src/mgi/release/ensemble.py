"""A released model of one run or of several: an ensemble's members are releases of their own in folders below it.

Each member keeps its fold's genes and scaler. An ensemble's config.json is written last and names its members by the
digests of theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mgi
from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import atomic_path, digest_of, sha256_of
from mgi.core.run import Run
from mgi.models.settings import NetworkSettings
from mgi.release.package import (
    CARD,
    CONFIG,
    COPY,
    Release,
    load_release,
    read_config,
    require_digest,
    require_no_release,
    write_config,
)

FORMAT = "mgi-ensemble-1"
FIELDS = ("card_sha256", "digest", "format", "members", "mgi")


@dataclass(frozen=True, kw_only=True)
class Model:
    """What `mgi predict` averages: one release, or several of one method and size; `digest` stands for all."""

    members: tuple[Release, ...]
    digest: str

    @property
    def first(self) -> Release:
        """A member that speaks for all: method, sizes, unit of expression and threshold are one."""
        return self.members[0]

    @property
    def name(self) -> str:
        """The run, or the method and the number of its runs."""
        run = self.first.weights.run
        return run.key if len(self.members) == 1 else f"{run.label}-ensemble-of-{len(self.members)}"

    @property
    def simulated(self) -> bool:
        """Whether any of them learned from patients who do not exist."""
        return any(member.simulated for member in self.members)


def require_alike(members: Sequence[tuple[Path, Run, NetworkSettings]]) -> None:
    """Raise BadInputError unless the runs are of one task, target, method and size, and no run stands twice.

    Members are the path for a message, the run and the settings of its network.
    """
    (first, run, sizes), *others = members
    seen = {run.key: first}
    for path, other, other_sizes in others:
        for what in ("task", "target", "label"):
            found, expected = (getattr(one, what) for one in (other, run))
            if found != expected:
                name = "method" if what == "label" else what
                raise BadInputError(f"{path}: {name}: found {found}, expected {expected} as {first}")
        if other.key in seen:
            raise BadInputError(f"{path}: run: found {other.key} a second time, expected other folds or seeds")
        seen[other.key] = path
        found, expected = (_comparable(one) for one in (other_sizes, sizes))
        for key in (key for key in expected if found[key] != expected[key]):
            raise BadInputError(f"{path}: model.{key}: found {found[key]}, expected {expected[key]} as {first}")


def _comparable(settings: NetworkSettings) -> dict[str, Any]:
    """The settings, with the names of further modalities alone: each fold fits as many features as it finds."""
    return {**settings.model_dump(mode="json"), "further": sorted(settings.further)}


def write_ensemble(folder: Path, members: Sequence[str], card: str) -> None:
    """Make an ensemble of the releases in the folders `members` below `folder`: its card, and last config.json.

    Raises ConfigError where a release lies in `folder` already.
    """
    require_no_release(folder)
    with atomic_path(folder / CARD) as part:
        part.write_text(card, encoding="utf-8")
    config = {
        "format": FORMAT,
        "mgi": mgi.__version__,
        "members": {name: load_release(folder / name).digest for name in members},
        "card_sha256": sha256_of(folder / CARD),
    }
    write_config(folder / CONFIG, config)


def load_model(folder: Path) -> Model:
    """Read and check a release or an ensemble with all its members.

    Raises BadInputError and IntegrityError as `load_release` does, also where a member is not the one that was
    released.
    """
    path = folder / CONFIG
    config = read_config(path)
    if config.get("format") != FORMAT:
        release = load_release(folder)
        return Model(members=(release,), digest=release.digest)
    _check(config, path)
    members = []
    for name, digest in config["members"].items():
        members.append(load_release(folder / name))
        if (found := members[-1].digest) != digest:
            where = folder / name / CONFIG
            raise IntegrityError(f"{where}: digest: found {found}, expected {digest} as {path} says; {COPY}")
    require_alike([(folder / one.weights.run.key, one.weights.run, one.weights.model) for one in members])
    return Model(members=tuple(members), digest=config["digest"])


def load_together(folders: Sequence[Path]) -> Model:
    """Read releases of several runs, such as one of each fold, that are to answer as an ensemble.

    Raises as `load_model` does, BadInputError where they are not alike, and ConfigError where one is an ensemble.
    """
    models = [load_model(folder) for folder in folders]
    for folder, model in zip(folders, models, strict=True):
        if len(model.members) > 1:
            raise ConfigError(f"--ensemble: {folder}: an ensemble already, expected releases of one run")
    members = tuple(model.first for model in models)
    require_alike([(folder, one.weights.run, one.weights.model) for folder, one in zip(folders, members, strict=True)])
    return Model(members=members, digest=digest_of(member.digest for member in members))


def _check(config: Mapping[str, Any], path: Path) -> None:
    if missing := sorted(set(FIELDS) - set(config)):
        raise BadInputError(f"{path}: {missing[0]}: missing")
    require_digest(config, path)
    card, expected = path.with_name(CARD), config["card_sha256"]
    if not card.is_file():
        raise IntegrityError(f"{card}: missing, though {CONFIG} lists it; {COPY}")
    if (found := sha256_of(card)) != expected:
        raise IntegrityError(f"{card}: sha256: found {found}, expected {expected}; {COPY}")
