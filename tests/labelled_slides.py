"""A study of slides whose patients have a class, which shifts the numbers of their tiles, and survival."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow.parquet as pq
from torch import Tensor

from mgi.cli import main
from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.labels import Labels, PatientLabels
from mgi.core.run import Run
from mgi.shards.bags import Bag
from mgi.training.weights import load_weights
from slide_study import MODEL, SlideStudy

DAYS = (100, 200, 300, 400, 150, 250, 350, 60, None, None, 500)
TABLES = ("results-table", "no-genes", "tests", "audit", "patients")


class LabelledSlides(SlideStudy):
    """The commands from the labels to the scores of a run on slides."""

    CONTROLS: ClassVar[Sequence[str | None]] = (None, "no-genes", "no-image", "no-pretraining")

    def __init__(
        self,
        study: Any,
        change: Callable[[str, Bag], None] = lambda patient, bag: None,
        *,
        without: Sequence[str] = (),
    ) -> None:
        super().__init__(study, change, without=without)
        self.classes = {patient: ("low", "high")[index % 2] for index, patient in enumerate(study.patients)}
        rows = {
            patient: PatientLabels(
                classes={"grade": None if time is None else self.classes[patient]},
                time_days=time,
                event=None if time is None else time < 450,
            )
            for patient, time in zip(study.patients, DAYS, strict=True)
        }
        place = "own.csv"
        known = Labels(
            patients=rows, place=place, source=place, column_of={"grade": "Grade"}, endpoint="OS",
            survival_source=place,
        )  # fmt: skip
        self.labels = study.folder / "labels.parquet"
        write_labels(known.beside(study.patients), self.labels, study.folder / "labels.tsv")

    def described(self, task: str, control: Any = None) -> Run:
        """A run of fold 0 and seed 0."""
        inputs = {"no-genes": ("slides",), "no-image": ("rna",)}.get(control or "", ("slides", "rna"))
        target = "grade" if task == "classification" else None
        return Run(task=task, method="mgi", control=control, target=target, inputs=inputs, fold=0, seed=0)

    def pretrain(self) -> int:
        """Align slides with expression."""
        done: int = main(self.line("pretrain"))
        return done

    def command(self, name: str, run: Run, **options: Any) -> int:
        """One command of the run on the shard of slides."""
        given = {"run-json": run.as_json(), "image-shard": self.shard} | options
        like = "predict-fold" if name == "tile-attention" else name
        _, *line = [part for part in self.study.line(like, run.key, **given) if not part.startswith("--prepared")]
        done: int = main([name, *line])
        return done

    def finetune(
        self, run: Run, *, start: str | None = "slides", model: dict[str, Any] | None = None, **settings: Any
    ) -> int:
        """Train it, from the pre-training of that name where it does not begin afresh."""
        starts = start is not None and run.control != "no-pretraining" and self.study.weights(start).is_file()
        schedule = self.study.SCHEDULE | settings.pop("schedule", {})
        options: dict[str, Any] = {
            "labels": self.labels,
            "task-settings": "{}",
            "model": json.dumps({**self.study.MODEL, **MODEL, **(model or {})}),
            "settings": json.dumps({"schedule": schedule, **settings}),
        }
        return self.command("finetune", run, **options, **({"pretrained": self.study.weights(start)} if starts else {}))

    def predict(self, run: Run) -> Path:
        """Predict for the test patients."""
        assert self.command("predict-fold", run) == 0
        return Path(self.study.folder / f"predictions/{run.key}.parquet")

    def probabilities(self, run: Run) -> dict[str, dict[str, list[float]]]:
        """What is predicted of each class, by input and patient."""
        found: dict[str, dict[str, list[float]]] = {}
        for row in pq.read_table(self.predict(run)).to_pylist():
            found.setdefault(row["expression_input"], {})[row["patient_id"]] = row["probability"]
        return found

    def evaluated(self, run: Run, predictions: Path) -> Path:
        """The scores of the predictions."""
        output = self.study.folder / f"evaluation/{run.key}.parquet"
        given = [f"--predictions={predictions}", f"--image-shard={self.shard}", f"--output={output}"]
        assert main(["evaluate", *given, f"--labels={self.labels}", f"--split={self.study.folder}/split.parquet"]) == 0
        return output

    def compared(self, task: str) -> dict[str, pd.DataFrame]:
        """The tables of the task, once MGI and its controls are trained, and have predicted and been scored."""
        scores = []
        for control in self.CONTROLS:
            run = self.described(task, control)
            assert self.finetune(run) == 0
            scores.append(str(self.evaluated(run, self.predict(run))))
        tables = {name: self.study.folder / f"{name}.csv" for name in TABLES}
        given = [f"--split={self.study.folder}/split.parquet", '--settings={"bootstrap_draws": 50}']
        given += [f"--{name}={path}" for name, path in tables.items()]
        assert main(["compare", "--scores", *scores, *given]) == 0
        return {name: pd.read_csv(path) for name, path in tables.items()}

    def tensors(self, run: Run) -> dict[str, Tensor]:
        """What the run's weights hold."""
        return self._loaded(run.key)

    def pretrained_tensors(self) -> dict[str, Tensor]:
        """What those of the pre-training hold."""
        return self._loaded("slides")

    def _loaded(self, key: str) -> dict[str, Tensor]:
        genes = [f"ENSG{index:03d}" for index in range(self.study.N_GENES)]
        return load_weights(self.study.weights(key), genes=genes).tensors
