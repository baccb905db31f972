"""One training run, from the config to the report: its description, and the key that names it everywhere.

Free of heavy imports: the workflow builds the table of runs with it before any job starts.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from mgi.core.errors import BadInputError
from mgi.core.section import read_record

PRETRAINING = "pretraining"
DEFAULT_TASK = "segmentation"
SplitUnit = Literal["patient", "slice"]
SPLIT_UNITS: tuple[SplitUnit, ...] = get_args(SplitUnit)
PATIENT, SLICE = SPLIT_UNITS

Control = Literal["no-genes", "random-id", "no-pretraining"]
CONTROLS: tuple[Control, ...] = get_args(Control)
NO_GENES, RANDOM_ID, NO_PRETRAINING = CONTROLS
"""The method trained again without one thing: expression, what expression says of a patient, or pre-training."""

ENTRY = "run"
"""Where files say which run made them: in Parquet's schema metadata, in weights, in run.json."""
OLD_ENTRY = "spec"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What tells one run from another.

    `inputs` are the modalities that the trained network reads. With the control `random-id` a random vector per patient
    stands for expression. `pretrained` is the key of the run whose encoders it starts from. Split by slice, every
    patient has slices in training and in test: that split leaks, and serves only to show by how much.
    """

    task: str
    method: str
    inputs: tuple[str, ...]
    control: Control | None = None
    pretrained: str | None = None
    split_unit: SplitUnit = PATIENT
    fold: int
    seed: int

    @property
    def key(self) -> str:
        """The name of the run's files, such as `mgi-no-genes-fold0-seed0`."""
        what = "pretrain" if self.is_pretraining else self.method
        task = None if self.task in (PRETRAINING, DEFAULT_TASK) else self.task
        unit = None if self.split_unit == PATIENT else self.split_unit
        return "-".join(filter(None, (what, task, self.control, unit, f"fold{self.fold}", f"seed{self.seed}")))

    @property
    def label(self) -> str:
        """The name of the method in tables; a control is a method of its own."""
        return "-".join(filter(None, (self.method, self.control)))

    @property
    def is_pretraining(self) -> bool:
        """Whether the run aligns encoders and makes no predictions."""
        return self.task == PRETRAINING

    @property
    def is_multimodal(self) -> bool:
        """Whether the network reads another modality beside the image."""
        return len(self.inputs) > 1

    @property
    def leaks(self) -> bool:
        """Whether patients of the test are in training on purpose."""
        return self.split_unit != PATIENT

    def record(self) -> dict[str, Any]:
        """The run as plain values, as files keep it."""
        return {**asdict(self), "inputs": list(self.inputs)}

    def as_json(self) -> str:
        """The record as JSON with sorted keys."""
        return json.dumps(self.record(), sort_keys=True)


def run_of(metadata: Mapping[Any, Any], where: str) -> Run:
    """The run that a file's metadata names: Parquet's (JSON as bytes), or a mapping's as in weights and run.json.

    Raises BadInputError where the entry is missing or old, or a field is missing, unknown or of another type.
    """
    given = {key.decode() if isinstance(key, bytes) else key: value for key, value in metadata.items()}
    if ENTRY not in given and OLD_ENTRY in given:
        raise BadInputError(
            f"{where}: written by an older mgi (it has '{OLD_ENTRY}', expected '{ENTRY}'); delete it and run again"
        )
    if ENTRY not in given:
        raise BadInputError(f"{where}: {ENTRY}: missing, expected the run that made the file")
    return read_record(Run, given[ENTRY], f"{where}: {ENTRY}")
