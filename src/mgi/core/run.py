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

Control = Literal["no-genes", "random-id", "no-pretraining", "no-image"]
CONTROLS: tuple[Control, ...] = get_args(Control)
NO_GENES, RANDOM_ID, NO_PRETRAINING, NO_IMAGE = CONTROLS
"""The method trained again without one thing: expression, what it says of a patient, pre-training, or the image."""
USUAL_CONTROLS: tuple[Control, ...] = (NO_GENES, RANDOM_ID, NO_PRETRAINING)
"""Those of every task; without the image only a task of whole patients can be learned."""
AnyControl = Literal["no-genes", "random-id", "no-pretraining", "no-image", "permuted-pairs"]
PERMUTED_PAIRS: AnyControl = "permuted-pairs"
"""The control of a pre-training alone: each image is paired with the expression of another patient of its role."""
ENSEMBLE = "ensemble"
"""What a label ends in where several trainings of the method speak together."""

ENTRY = "run"
"""Where files say which run made them: in Parquet's schema metadata, in weights, in run.json."""
OLD_ENTRY = "spec"

MULTIMODAL_METHOD = "mgi"
IMAGE, EXPRESSION = "flair", "rna"
COVARIATES = "covariates"
"""What a pre-training may read as a modality beside those of the config: age, sex and random numbers, a control."""
IMAGE_SETTINGS = ("baseline_width", "context_slices", "convolution_norm", "image_crop", "image_size")
"""What networks of images alone read of the section `model`: another encoder of MGI does not train them again."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What tells one run from another.

    `target` is the label that a task learns to tell, for tasks that learn one. `inputs` are what the trained network
    reads: the image, and `rna` for the genetic modalities, which are those of `pretrain.modalities` or
    `finetune.modalities`. With the control `random-id` a random vector per patient stands for expression. `pretrained`
    is the key of the run whose encoders it starts from. `variant` names the changes of the config's sections `pretrain`
    and `model` with which it is trained. Split by slice, every patient has slices in training and in test: that split
    leaks, and serves only to show by how much. An ensemble is not trained: it predicts the mean of the logits of
    `members`, runs that differ in their seed alone.
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

    @property
    def key(self) -> str:
        """The name of the run's files, such as `mgi-no-genes-fold0-seed0`."""
        what = "pretrain" if self.is_pretraining else self.method
        task = None if self.task in (PRETRAINING, DEFAULT_TASK) else self.task
        unit = None if self.split_unit == PATIENT else self.split_unit
        kind = (what, task, self.target, self.control, self.variant, unit, self._together)
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
    def image(self) -> str | None:
        """The modality of the image that the network reads, if any."""
        return next((name for name in self.inputs if name != EXPRESSION), None)

    @property
    def leaks(self) -> bool:
        """Whether patients of the test are in training on purpose."""
        return self.split_unit != PATIENT

    def record(self) -> dict[str, Any]:
        """The run as plain values, as files keep it; of no variant, members or target nothing is said."""
        plain = {**asdict(self), "inputs": list(self.inputs), "members": list(self.members)}
        return {name: value for name, value in plain.items() if value or name not in ("variant", "members", "target")}

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
    common = {"task": _task(runs), "image": _image(runs)}
    trained = [*honest, *(_runs({**common, **leaky}, SLICE) if leaky else [])]
    starts = [_pretraining(run, _image(runs)) for run in trained if run.pretrained]
    plain = [run for run in honest if run.label == MULTIMODAL_METHOD]
    further = [replace(run, variant=name) for name in runs.get("variants", {}) for run in plain]
    starts += [_pretraining(run, _image(runs)) for run in further]
    together = _ensembles(honest) if runs.get("ensemble") else []
    return {run.key: run for run in [*starts, *trained, *together]}


def evaluated(table: Mapping[str, Run]) -> list[str]:
    """Keys of the runs that predict and whose test patients are not in training: those that are compared."""
    return [key for key, run in table.items() if not (run.leaks or run.is_pretraining)]


def by_patient(table: Mapping[str, Run]) -> list[str]:
    """Keys of the runs that are trained and do not leak, pre-training included."""
    return [key for key, run in table.items() if not (run.leaks or run.members)]


def by_slice(table: Mapping[str, Run]) -> list[str]:
    """Keys of the runs that predict for patients on whom they were trained, for the paper-like table alone."""
    return [key for key, run in table.items() if run.leaks and not run.is_pretraining]


def attended(table: Mapping[str, Run]) -> list[str]:
    """Keys of the runs of MGI as it is whose encoder of slides says where it looks."""
    seen = (key for key in evaluated(table) if table[key].label == MULTIMODAL_METHOD)
    return [key for key in seen if table[key].image not in (None, IMAGE)]


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
                inputs=_inputs(_image(runs), control if multimodal else NO_GENES),
                control=control,
                variant=variant,
                split_unit=split_unit,
                fold=fold,
                seed=seed,
            )
            starts = multimodal and control != NO_PRETRAINING
            yield replace(run, pretrained=_pretraining(run, _image(runs)).key) if starts else run


def _inputs(image: str, control: Control | None) -> tuple[str, ...]:
    if control == NO_GENES:
        return (image,)
    return (EXPRESSION,) if control == NO_IMAGE else (image, EXPRESSION)


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
        yield replace(first, pretrained=None, members=(first.key, *(run.key for run in others)))


def _pretraining(run: Run, image: str) -> Run:
    """What a run's encoders start from; a control with random vectors is pre-trained on them too."""
    control = RANDOM_ID if run.control == RANDOM_ID else None
    return replace(run, task=PRETRAINING, target=None, inputs=(image, EXPRESSION), control=control, pretrained=None)


def _image(runs: Mapping[str, Any]) -> str:
    return str(runs.get("image", IMAGE))


def _task(runs: Mapping[str, Any]) -> str:
    return str(runs.get("task", DEFAULT_TASK))
