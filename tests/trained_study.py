"""A small study to learn from: patients on disk, and the commands that train on them and predict."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from mgi.cli import main
from mgi.cohort.split import SplitRow
from mgi.cohort.tables import write_split
from mgi.core.run import Run, prepared_table
from mgi.modalities.rna.normalise import fit, write_fitted_genes
from mgi.modalities.rna.settings import FitSettings
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.expression_shard import ExpressionShard, write_expression
from mgi.shards.image_shard import PatientImages, image_shard_writer


def described_run(method: str = "mgi", control: str | None = None, **more: object) -> Run:
    """A run of fold 0 and seed 0."""
    inputs = ("flair", "rna") if method == "mgi" and control != "no-genes" else ("flair",)
    given = {"task": "segmentation", "inputs": inputs, "fold": 0, "seed": 0, **more}
    return Run(method=method, control=control, **given)


class Study:
    """Patients on disk (four train, two validate, two test, two have no image, one no genes), and what learns of them.

    `change` may alter a patient's arrays (volume, mask, values) in place before they are written.
    """

    MODEL: ClassVar = {
        "image_size": 32,
        "patch_size": 8,
        "image_width": 16,
        "image_depth": 1,
        "image_heads": 2,
        "gene_patch": 5,
        "gene_width": 16,
        "gene_depth": 1,
        "gene_state": 4,
        "projection_width": 8,
        "decoder_width": 16,
        "decoder_heads": 2,
        "decoder_depth": 1,
        "upsampling_stages": 1,
        "baseline_width": 4,
    }
    SCHEDULE: ClassVar = {"steps": 4, "batch": 3, "warmup_steps": 1, "validate_every": 2, "checkpoint_every": 2}
    ROLES: ClassVar = {
        "train": (0, 1, 2, 3),
        "validation": (4, 5),
        "test": (6, 7),
        "unpaired_expression": (8, 9),
        "unpaired_image": (10,),
    }
    FILTER = FitSettings()
    N_GENES = 12
    SHAPE = (3, 20, 24)  # slices, rows, columns

    def __init__(self, folder: Path, change: Callable[[str, dict[str, np.ndarray]], None] | None = None) -> None:
        self.folder = folder
        self.patients = [f"TCGA-AA-000{index:X}" for index in range(11)]
        drawn = {patient: self._draw(index) for index, patient in enumerate(self.patients)}
        for patient, arrays in drawn.items():
            if change is not None:
                change(patient, arrays)
        self._write_images(drawn)
        for table in folder.glob("prepared/*/slices.parquet"):  # of other images in the same folder
            table.unlink()
        profiled = [patient for patient in self.patients if patient not in self.role("unpaired_image")]
        self._write_expression({patient: drawn[patient]["values"] for patient in profiled})
        self._write_split()

    def role(self, name: str) -> list[str]:
        """Patients of one role."""
        return [self.patients[index] for index in self.ROLES[name]]

    def run(self, command: str, key: str, method: str = "mgi", control: str | None = None, **options: object) -> int:
        """Do one command on the run in folder `key`; further options replace its own; the exit code is returned."""
        return main(self.line(command, key, method, control, **options))

    def line(
        self, command: str, key: str, method: str = "mgi", control: str | None = None, **options: object
    ) -> list[str]:
        """The command line of `run`."""
        run = self.folder / "runs" / key
        described = described_run(
            method, control, task="pretraining" if command in ("pretrain", "embed") else "segmentation"
        )
        given: dict[str, object] = {
            "run-json": described.as_json(),
            "image-shard": self.folder / "images",
            "prepared": self.prepared(),
            "expression-shard": self.folder / "expression",
            "fold-genes": self.folder / "genes.parquet",
            "split": self.folder / "split.parquet",
            "weights": run / "weights.safetensors",
        }
        if command == "embed":
            given |= {"settings": "{}", "output": self.folder / f"embeddings/{key}.parquet"}
        elif command == "predict-fold":
            given |= {"settings": '{"permutations": 2}', "output": self.folder / f"predictions/{key}.parquet"}
        else:
            given |= {"settings": json.dumps({"schedule": self.SCHEDULE}), "model": json.dumps(self.MODEL)}
            given |= {"curves": run / "curves.jsonl", "record": run / "run.json"}
        return [command, *(f"--{name}={value}" for name, value in (given | options).items())]

    def prepared(self, *, stripped: bool = False, shard: Path | None = None) -> Path:
        """The slices as the networks see them, of another `shard` below its results; prepared when first asked for."""
        model = {"image_size": self.MODEL["image_size"], "image_crop": self.MODEL.get("image_crop", "none")}
        shard = shard or self.folder / "images"
        results = self.folder if shard.parent == self.folder else shard.parents[1]
        output = results / prepared_table({"model": model}, stripped=stripped)
        if not output.exists():
            options = [f"--image-shard={shard}", f"--output={output}"]
            given = json.dumps({**model, "stripped": stripped})
            assert main(["prepare-slices", *options, f"--settings={given}"]) == 0
        return output

    def weights(self, key: str) -> Path:
        """Weights of a run."""
        return self.folder / "runs" / key / "weights.safetensors"

    def all_runs(self) -> None:
        """Pre-train, then train and predict with MGI, MGI without genes and a U-Net."""
        assert self.run("pretrain", "pretrain") == 0
        assert self.run("finetune", "mgi", pretrained=self.weights("pretrain")) == 0
        assert self.run("finetune", "mgi-no-genes", control="no-genes", pretrained=self.weights("pretrain")) == 0
        assert self.run("finetune", "unet", method="unet") == 0
        for key, method, control in (("mgi", "mgi", None), ("mgi-no-genes", "mgi", "no-genes"), ("unet", "unet", None)):
            assert self.run("predict-fold", key, method, control) == 0

    def _draw(self, index: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(index)
        mask = np.zeros(self.SHAPE, np.uint8)
        mask[1:, 6:12, 4 + index : 10 + index] = 1
        volume = (rng.normal(100, 10, self.SHAPE) + 80 * mask).clip(0).astype(np.int16)
        return {"volume": volume, "mask": mask, "values": rng.normal(size=self.N_GENES).astype(np.float32)}

    def _write_images(self, drawn: Mapping[str, dict[str, np.ndarray]]) -> None:
        path = self.folder / "images/slices.parquet"
        with image_shard_writer(path) as writer:
            for patient, arrays in drawn.items():
                if patient in self.role("unpaired_expression"):
                    continue
                writer.add(
                    PatientImages(
                        patient_id=patient,
                        slices=arrays["volume"],
                        masks=arrays["mask"],
                        spacing_mm=None,
                        positions_mm=None,
                        source=patient,
                    )
                )
        write_dataset(path.with_name("dataset.json"), "volumes", [path], {"simulated": True})

    def _write_expression(self, drawn: Mapping[str, np.ndarray]) -> None:
        values = np.stack(list(drawn.values()))
        genes = pd.DataFrame(
            {"gene_index": range(self.N_GENES), "gene_id": [f"ENSG{index:03d}" for index in range(self.N_GENES)]}
        ).assign(gene_name="x", gene_type=None, chromosome=None, start=None)
        shard = ExpressionShard(patient_ids=list(drawn), values=values, genes=genes, unit="as given", simulated=True)
        folder = self.folder / "expression"
        write_expression(shard, folder / "values.parquet", folder / "features.parquet", folder / "dataset.json")
        training = list(self.ROLES["train"])
        fitted = fit(values[training], genes, self.FILTER, self.role("train"), unit="as given")
        write_fitted_genes(self.folder / "genes.parquet", fitted)

    def _write_split(self) -> None:
        rows = [SplitRow(0, patient, "AA", role) for role in self.ROLES for patient in self.role(role)]
        write_split(sorted(rows), self.folder / "split.parquet", self.folder / "split.tsv")
