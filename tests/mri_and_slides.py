"""A study whose patients have scans and slides, some of them only one of both."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from labelled_slides import LabelledSlides
from mgi.cli import main
from mgi.core.run import PRETRAINING, Run
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import image_shard_writer, iter_images
from slide_study import GIMP, MODEL

INPUTS = {
    "no-genes": ("flair", "slides"), "no-image": ("rna",), "no-flair": ("slides", "rna"), "no-slides": ("flair", "rna"),
}  # fmt: skip
PRETRAINED = {"no-flair": ("slides",), "no-slides": ("flair",), "no-image": ("flair",), "no-pretraining": ()}


class ScansAndSlides(LabelledSlides):
    """Slides tell the class; of the patients with these places one kind of image is missing."""

    CONTROLS: ClassVar[Sequence[str | None]] = (
        None, "no-genes", "no-image", "no-flair", "no-slides", "no-pretraining",
    )  # fmt: skip

    def __init__(self, study: Any, no_scan: Sequence[int] = (2, 6), no_slide: Sequence[int] = (1, 7)) -> None:
        self.no_scan, self.no_slide = ([study.patients[place] for place in places] for places in (no_scan, no_slide))
        super().__init__(study, without=self.no_slide)
        path = study.folder / "images/slices.parquet"
        kept = [one for one in iter_images(path.parent) if one.patient_id not in self.no_scan]
        with image_shard_writer(path) as writer:
            for one in kept:
                writer.add(one)
        write_dataset(path.with_name("dataset.json"), "volumes", [path], {"simulated": True})
        for table in study.folder.glob("prepared/*/slices.parquet"):
            table.unlink()

    def described(self, task: str, control: Any = None) -> Run:
        """A run of fold 0 and seed 0."""
        starts = [f"pretrain-{image}-fold0-seed0" for image in PRETRAINED.get(control or "", ("flair", "slides"))]
        return Run(
            task=task,
            method="mgi",
            control=control,
            target="grade" if task == "classification" else None,
            inputs=INPUTS.get(control or "", ("flair", "slides", "rna")),
            pretrained=starts[0] if starts else None,
            also_pretrained=tuple(starts[1:]),
            fold=0,
            seed=0,
        )

    def pretrain_of(self, image: str, **settings: object) -> int:
        """Align one image with expression, of the patients who have it."""
        run = Run(task=PRETRAINING, method="mgi", inputs=(image, "rna"), of_image=image, fold=0, seed=0)
        given = {"schedule": self.study.SCHEDULE} | (GIMP if image == "slides" else {}) | settings
        options = {
            "run-json": run.as_json(),
            "image-shard": self.shard if image == "slides" else self.study.folder / "images",
            "settings": json.dumps(given),
            "model": json.dumps({**self.study.MODEL, **MODEL}),
        }
        done: int = main(self.study.line("pretrain", run.key, **options))
        return done

    def command(self, name: str, run: Run, **options: Any) -> int:
        """One command of the run on both shards."""
        given = {"run-json": run.as_json(), "slide-shard": self.shard} | options
        done: int = main(self.study.line(name, run.key, **given))
        return done

    def finetune(
        self, run: Run, *, start: str | None = "both", model: dict[str, Any] | None = None, **settings: Any
    ) -> int:
        """Train it, from the pre-trainings of its images where it does not begin afresh."""
        schedule = self.study.SCHEDULE | settings.pop("schedule", {})
        options: dict[str, Any] = {
            "run-json": run.as_json(),
            "slide-shard": self.shard,
            "labels": self.labels,
            "task-settings": "{}",
            "model": json.dumps({**self.study.MODEL, **MODEL, **(model or {})}),
            "settings": json.dumps({"schedule": schedule, **settings}),
        }
        line = self.study.line("finetune", run.key, **options)
        starts = [str(self.study.weights(key)) for key in run.starts] if start is not None else []
        done: int = main([*line, *(["--pretrained", *starts] if starts else [])])
        return done
