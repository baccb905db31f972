"""A study with two further modalities, each of which some patients lack, and the rooms that they are of."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mgi.cli import main
from mgi.modalities import registry
from mgi.modalities.fitted_features import FittedFeatures, write_fitted_features
from mgi.modalities.fitting import FitJob, fit_features, transform_of
from mgi.modalities.modality import Modality
from mgi.shards.feature_shard import describe_features, open_features, write_feature_values

# Who has which: of four who train 0 to 3, two who validate 4 and 5, two of the test 6 and 7, 8 and 9 without image,
# 10 without expression.
HAVE = {"copies": (0, 1, 2, 4, 5, 6, 8, 9, 10), "proteins": (0, 1, 3, 5, 6, 7, 8)}
NUMBERS = {"copies": 5, "proteins": 3}


def transform(shard: Any, values: Any, columns: Any) -> Any:
    return values[:, columns].astype(np.float64)


def standardised(job: FitJob, columns: Any, left_out: dict[str, int]) -> FittedFeatures:
    """These features by the mean and deviation of those who train; each must have a value in one of them."""
    change = transform_of(job.modality)
    values = np.concatenate([change(job.shard, block, columns) for block in job.blocks()])
    mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    return job.fitted(columns, centre=mean, deviation=deviation, filler=mean, left_out=left_out)


def fit(job: FitJob) -> FittedFeatures:
    return standardised(job, np.arange(len(job.shard.features)), {})


def register_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry know both, for one test."""
    room = ModuleType("plain_room")
    room.fit, room.transform = fit, transform  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "plain_room", room)
    monkeypatch.setattr(registry, "_registered", {})
    for name in HAVE:
        kind: dict[str, Any] = {"shard_format": "table", "settings": "m:S", "fetching": "m", "sharding": "m"}
        registry.register(Modality(name=name, fitting="plain_room", **kind))


class Several:
    """The study with shards and fits of both; `change` may alter the numbers (11, K) of a modality in place."""

    def __init__(self, study: Any, change: Callable[[str, np.ndarray], None] = lambda name, values: None) -> None:
        self.study = study
        for number, (name, have) in enumerate(HAVE.items()):
            values = np.random.default_rng(number).normal(size=(11, NUMBERS[name])).astype(np.float32)
            change(name, values)
            folder = study.folder / name
            ids = [f"{name}{index}" for index in range(NUMBERS[name])]
            table = pd.DataFrame({"feature_id": ids, "name": ids, "chromosome": None, "start": None, "kind": None})
            paths = [folder / file for file in ("values.parquet", "features.parquet", "dataset.json")]
            write_feature_values(paths[0], table, "x", ((study.patients[row], values[row]) for row in have))
            describe_features(*paths, table, simulated=True)
            train = tuple(study.patients[row] for row in have if row < 4)
            job = FitJob(modality=name, shard=open_features(folder), train=train)
            write_fitted_features(self.fit(name), fit_features(job))

    def fit(self, name: str) -> Path:
        return self.study.folder / f"{name}.fitted.parquet"

    def run(self, command: str, key: str = "several", names: Any = HAVE, **settings: object) -> int:
        given = {"schedule": self.study.SCHEDULE, "modalities": [*HAVE, "rna"], "missing": "outer"} | settings
        options = {"settings": json.dumps(given)} if command == "pretrain" else {}
        line = self.study.line(command, key, **options)
        return main([*line, *self.given(names)])

    def given(self, names: Any = HAVE) -> list[str]:
        """The options of a command that reads these modalities."""
        if not names:
            return []
        shards = [f"{name}={self.study.folder / name / 'dataset.json'}" for name in names]
        return ["--modality-shard", *shards, "--modality-fit", *(f"{name}={self.fit(name)}" for name in names)]

    def record(self, key: str = "several") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.study.folder / f"runs/{key}/run.json").read_text())
        return found
