"""One training run, from the config to the report, and the table of all that a config asks for.

Free of heavy imports: the workflow makes its jobs of the table; commands find a run in it that is named by hand.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any, Literal, get_args

from mgi.core.errors import BadInputError
from mgi.core.section import read_record
from mgi.core.variants import section_of

PRETRAINING = "pretraining"
DEFAULT_TASK = "segmentation"
SplitUnit = Literal["patient", "slice"]
SPLIT_UNITS: tuple[SplitUnit, ...] = get_args(SplitUnit)
PATIENT, SLICE = SPLIT_UNITS

Control = Literal["no-genes", "random-id", "no-pretraining", "no-image", "no-flair", "no-slides"]
CONTROLS: tuple[Control, ...] = get_args(Control)
NO_GENES, RANDOM_ID, NO_PRETRAINING, NO_IMAGE, NO_SCAN, NO_SLIDES = CONTROLS
"""The method trained again without one thing: expression, what it says of a patient, pre-training, or the image; and
where it reads scans and slides without one of these."""
USUAL_CONTROLS: tuple[Control, ...] = (NO_GENES, RANDOM_ID, NO_PRETRAINING)
"""Those of every task; without the image only a task of whole patients can be learned."""
AnyControl = Literal["no-genes", "random-id", "no-pretraining", "no-image", "no-flair", "no-slides", "permuted-pairs"]
PERMUTED_PAIRS: AnyControl = "permuted-pairs"
"""The control of a pre-training alone: each image is paired with the expression of another patient of its role."""
ENSEMBLE = "ensemble"
"""What a label ends in where several trainings of the method speak together."""

ENTRY = "run"
"""Where files say which run made them: in Parquet's schema metadata, in weights, in run.json."""
OLD_ENTRY = "spec"

MULTIMODAL_METHOD = "mgi"
IMAGE, SLIDES, EXPRESSION = "flair", "slides", "rna"
WITHOUT_ONE: Mapping[str, str] = {NO_SCAN: IMAGE, NO_SLIDES: SLIDES}
"""By control the image that is not read, where there are two."""
COVARIATES = "covariates"
"""What a pre-training may read as a modality beside those of the config: age, sex and random numbers, a control."""
UNSAID = ("variant", "members", "target", "of_image", "also_pretrained")
IMAGE_SETTINGS = ("baseline_width", "context_slices", "convolution_norm", "image_crop", "image_size")
"""What networks of images alone read of the section `model`: another encoder of MGI does not train them again."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What tells one run from another.

    `target` is the label that a task learns to tell, for tasks that learn one. `inputs` are what the trained network
    reads: the image, and `rna` for the genetic modalities, which are those of `pretrain.modalities` or
    `finetune.modalities`. With the control `random-id` a random vector per patient stands for expression. `pretrained`
    is the key of the run whose encoders it starts from. `variant` names the changes of the config's sections `pretrain`
    and `model` with which it is trained. Where there are several images each has a pre-training of its own, which says
    by `of_image` whose it is; `also_pretrained` are those of the further images. Split by slice, every patient has
    slices in training and in test: that split leaks, and serves only to show by how much. An ensemble is not trained:
    it predicts the mean of the logits of `members`, runs that differ in their seed alone.
    """

    task: str
    method: str
    inputs: tuple[str, ...]
    control: AnyControl | None = None
    variant: str | None = None
    pretrained: str | None = None
    split_unit: SplitUnit = PATIENT
    fold: int
    seed: int
    members: tuple[str, ...] = ()
    target: str | None = None
    of_image: str | None = None
    also_pretrained: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name of the run's files, such as `mgi-no-genes-fold0-seed0`."""
        what = "pretrain" if self.is_pretraining else self.method
        task = None if self.task in (PRETRAINING, DEFAULT_TASK) else self.task
        unit = None if self.split_unit == PATIENT else self.split_unit
        kind = (what, task, self.target, self.of_image, self.control, self.variant, unit, self._together)
        return "-".join(filter(None, (*kind, f"fold{self.fold}", f"seed{self.seed}")))

    @property
    def label(self) -> str:
        """The name of the method in tables; a control and a variant are methods of their own."""
        return "-".join(filter(None, (self.method, self.control, self.variant, self._together)))

    @property
    def _together(self) -> str | None:
        return ENSEMBLE if self.members else None

    @property
    def trained(self) -> tuple[str, ...]:
        """Keys of the runs whose weights predict: its own, or those of an ensemble's members."""
        return self.members or (self.key,)

    @property
    def is_pretraining(self) -> bool:
        """Whether the run aligns encoders and makes no predictions."""
        return self.task == PRETRAINING

    @property
    def reads_genes(self) -> bool:
        """Whether the network reads expression."""
        return EXPRESSION in self.inputs

    @property
    def reads_image(self) -> bool:
        """Whether the network reads the image."""
        return self.image is not None

    @property
    def images(self) -> tuple[str, ...]:
        """The modalities of the images that the network reads."""
        return tuple(name for name in self.inputs if name != EXPRESSION)

    @property
    def image(self) -> str | None:
        """The first of them, if any."""
        return next(iter(self.images), None)

    @property
    def starts(self) -> tuple[str, ...]:
        """Keys of the pre-trainings that it starts from; the first one gives the gene encoder."""
        return () if self.pretrained is None else (self.pretrained, *self.also_pretrained)

    @property
    def leaks(self) -> bool:
        """Whether patients of the test are in training on purpose."""
        return self.split_unit != PATIENT

    def record(self) -> dict[str, Any]:
        """The run as plain values, as files keep it; of what is in UNSAID only what is not empty."""
        several = {name: list(getattr(self, name)) for name in ("inputs", "members", "also_pretrained")}
        plain = {**asdict(self), **several}
        return {name: value for name, value in plain.items() if value or name not in UNSAID}

    def as_json(self) -> str:
        """The record as JSON with sorted keys."""
        return json.dumps(self.record(), sort_keys=True)


def apart(label: str) -> tuple[str, bool]:
    """The label of the method whose trainings speak, and whether several of them speak together."""
    alone = label.removesuffix(f"-{ENSEMBLE}")
    return alone, alone != label


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


def run_table(runs: Mapping[str, Any]) -> dict[str, Run]:
    """Every run of the config section `runs` by key: pre-training first, then methods x folds x seeds of the task.

    Each variant is pre-trained on the same folds and seeds. Last come ensembles, one for each method, control and fold,
    where `ensemble` asks for them.
    """
    leaky = runs.get("leaky_slice_split")
    honest = list(_runs(runs, PATIENT))
    common = {"task": _task(runs), "image": runs.get("image", IMAGE)}
    trained = [*honest, *(_runs({**common, **leaky}, SLICE) if leaky else [])]
    starts = [one for run in trained if run.pretrained for one in _pretrainings(run, runs)]
    plain = [run for run in honest if run.label == MULTIMODAL_METHOD]
    further = [replace(run, variant=name) for name in runs.get("variants", {}) for run in plain]
    starts += [one for run in further for one in _pretrainings(run, runs)]
    together = _ensembles(honest) if runs.get("ensemble") else []
    return {run.key: run for run in [*starts, *trained, *together]}


def full_cohort_runs(config: Mapping[str, Any]) -> dict[str, Run]:
    """The runs that train on all patients, to be tested on another archive; none where the config names no other."""
    return {} if config["external"] is None else run_table(full_cohort_section(config))


def full_cohort_section(config: Mapping[str, Any]) -> dict[str, Any]:
    """The section `runs` for an extra fold that trains on all patients and has no test set."""
    return {**config["runs"], "folds": [config["split"]["folds"]], "leaky_slice_split": None}


def gene_sets_file(config: Mapping[str, Any], run: Run) -> str | None:
    """The user's file of gene sets, where the config makes the run's tokens of them."""
    model = section_of(config, "model", run.variant)
    return model["pathways"] if model["gene_tokens"] == "pathway" else None


def split_file(config: Mapping[str, Any], fold: int) -> str:
    """The table that holds a fold, below the results folder."""
    return f"tables/{'split' if fold < config['split']['folds'] else 'whole'}.parquet"


def prepared_table(config: Mapping[str, Any], *, stripped: bool = False) -> str:
    """The table of slices at the network's size, below the results folder; `stripped`: of copies without scalp."""
    model = config["model"]
    ending = "-stripped" if stripped else ""
    return f"prepared/{model['image_size']}px-{model['image_crop']}{ending}/slices.parquet"


LABELS_FILE = "tables/labels.parquet"
"""The labels of the cohort, below the results folder."""


def leaks_file(config: Mapping[str, Any], run: Run) -> str:
    """What was checked of the run's split before it may train, below the results folder."""
    ending = "-slice" if run.leaks else "-whole" if run.fold >= config["split"]["folds"] else ""
    return f"tables/leaks{ending}.json"


def _runs(runs: Mapping[str, Any], split_unit: SplitUnit) -> Iterator[Run]:
    for method in runs["methods"]:
        multimodal = method == MULTIMODAL_METHOD
        kinds = [(None, None), *_kinds_of_mgi(runs)] if multimodal else [(None, None)]
        for (control, variant), fold, seed in product(kinds, runs["folds"], runs["seeds"]):
            run = Run(
                task=_task(runs),
                method=method,
                target=runs.get("target"),
                inputs=_inputs(images_of(runs), control if multimodal else NO_GENES),
                control=control,
                variant=variant,
                split_unit=split_unit,
                fold=fold,
                seed=seed,
            )
            starts = multimodal and control != NO_PRETRAINING
            first, *others = (one.key for one in _pretrainings(run, runs))
            yield replace(run, pretrained=first, also_pretrained=tuple(others)) if starts else run


def _inputs(images: Sequence[str], control: Control | None) -> tuple[str, ...]:
    if control == NO_GENES:
        return tuple(images)
    left = [] if control == NO_IMAGE else [one for one in images if one != WITHOUT_ONE.get(control or "")]
    return (*left, EXPRESSION)


def _kinds_of_mgi(runs: Mapping[str, Any]) -> Iterator[tuple[Control | None, str | None]]:
    """Control or variant of every MGI that is trained beside the plain one."""
    yield from ((control, None) for control in runs["controls"])
    yield from ((None, name) for name, one in runs.get("variants", {}).items() if one["finetune"])


def _ensembles(trained: Sequence[Run]) -> Iterator[Run]:
    """One for the seeds of each method, control and fold, under the first seed."""
    alike: dict[tuple[str, int], list[Run]] = {}
    for run in trained:
        alike.setdefault((run.label, run.fold), []).append(run)
    for first, *others in alike.values():
        yield replace(first, pretrained=None, also_pretrained=(), members=(first.key, *(run.key for run in others)))


def _pretrainings(run: Run, runs: Mapping[str, Any]) -> list[Run]:
    """What a run's encoders start from: that of each image it reads, or of the first where it reads none.

    A control with random vectors is pre-trained on them too.
    """
    images = images_of(runs)
    control = RANDOM_ID if run.control == RANDOM_ID else None
    plain = replace(run, task=PRETRAINING, target=None, control=control, pretrained=None, also_pretrained=())
    return [
        replace(plain, inputs=(image, EXPRESSION), of_image=image if len(images) > 1 else None)
        for image in run.images or images[:1]
    ]


def images_of(runs: Mapping[str, Any]) -> tuple[str, ...]:
    """The images that the runs of a config read, the scan first."""
    named = runs.get("image", IMAGE)
    return (named,) if isinstance(named, str) else tuple(named)


def _task(runs: Mapping[str, Any]) -> str:
    return str(runs.get("task", DEFAULT_TASK))
