"""A task in one file, as a user would write it: how many slices of a patient show tumour, from each slice's mean logit.

It is registered when the file is imported, as the config's `plugins` does.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa

from mgi.core.run import ENTRY, Run
from mgi.evaluation.cohort_tables import summary_rows
from mgi.shards.image_shard import iter_images
from mgi.shards.parquet import read_table, write_table
from mgi.tasks.registry import Task, register
from mgi.tasks.report_parts import ReportInput, Section

PREDICTIONS = pa.schema([("patient_id", pa.string()), ("expression_input", pa.string()), ("share", pa.float64())])


def learning() -> Any:
    """Cross entropy of a slice's mean logit: does it show tumour?"""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    from mgi.tasks.segmentation.batches import SegmentationDrawer
    from mgi.tasks.segmentation.learning import build
    from mgi.training.finetune import by_patient, forward, output_batches

    def loss(model: Any, batch: Any, cache: Any) -> Any:
        images, masks = batch.augmented()
        logits = forward(model, images, batch.genes, batch.patient, batch.has_genes, cache)
        shown = (masks.amax((1, 2, 3)) > 0).float()
        return binary_cross_entropy_with_logits(logits.mean((1, 2, 3)), shown)

    def validation(batches: Any, pairs: Any) -> dict[str, float]:
        masks = pairs.slices.masks
        right = torch.cat([(one.mean((1, 2, 3)) > 0) == (masks[rows].amax((1, 2, 3)) > 0) for rows, one in batches])
        return {"score": right.float().mean().item(), "validation_accuracy": right.float().mean().item()}

    def predict(model: Any, pairs: Any, given: Any, settings: Any, cache: Any) -> Iterator[tuple[str, float]]:
        has_genes = torch.full((len(pairs),), given.use_genes)
        pairs = replace(pairs, genes=given.genes, gene_rows=given.rows)
        for patient, own in by_patient(output_batches(model, pairs, has_genes, settings.batch, cache), pairs.slices):
            yield pairs.slices.patient_ids[patient], torch.sigmoid(own.mean((1, 2, 3))).mean().item()

    @contextmanager
    def prediction_writer(path: Path, run: Run) -> Iterator[Any]:
        rows: list[dict[str, Any]] = []

        def add(patient: str, given: str, donor: str | None, share: float) -> None:
            rows.append({"patient_id": patient, "expression_input": given, "share": share})

        yield SimpleNamespace(add=add)
        write_table(path, pa.Table.from_pylist(rows, PREDICTIONS.with_metadata({ENTRY: run.as_json()})))

    return SimpleNamespace(
        build=build, make_drawer=SegmentationDrawer, loss=loss, validation=validation, predict=predict,
        prediction_writer=prediction_writer,
    )  # fmt: skip


class Scoring:
    """One minus the error of the predicted share of slices."""

    definitions = ("agreement",)
    headlines = ("agreement",)

    def score(self, predictions: Path, image_shard: Path, run: Run) -> Iterator[tuple[str, str, Mapping[str, float]]]:
        rows = read_table(predictions, PREDICTIONS).to_pylist()
        images = iter_images(image_shard, {row["patient_id"] for row in rows})
        truth = {one.patient_id: float(one.masks.any(axis=(1, 2)).mean()) for one in images}
        for row in rows:
            error = abs(row["share"] - truth[row["patient_id"]])
            yield row["patient_id"], row["expression_input"], {"agreement": 1 - error}

    def summarise(self, patients: pd.DataFrame, draws: int, seed: int) -> list[dict[str, object]]:
        return summary_rows(patients, self.definitions, draws, seed)


class Reporting:
    """A list of means."""

    score_name = "agreement"
    curves = (("Validation accuracy", "validation_accuracy"),)

    def definition_name(self, definition: str) -> str:
        return "slice count"

    def section(self, given: ReportInput) -> Section:
        means = "".join(f"<li>{row.method}: {row.mean:.3f}</li>" for row in given.results.itertuples())
        return Section(
            html=f'<section id="toy"><h2>Toy</h2><ul>{means}</ul></section>', figures={}, links={"toy": "Toy"}
        )


register(Task(name="toy", learning=learning, scoring=Scoring, reporting=Reporting))
