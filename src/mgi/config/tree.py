"""All sections in one tree, checked together before any job."""

import inspect
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, Field, create_model, model_validator

from mgi.association.settings import AssociateSettings, check_associations
from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.settings import AdmissionSettings, CohortSettings, SplitSettings
from mgi.config.across import (
    check_across_sections,
    check_channels,
    check_other_archive,
    check_own_files,
    check_texts,
)
from mgi.config.image_checks import check_image
from mgi.config.task_checks import check_task
from mgi.config.variants import VariantSettings, filled_variants
from mgi.core.plugins import load_plugins
from mgi.core.run import EXPRESSION, IMAGE, USUAL_CONTROLS, Control
from mgi.core.section import Count, Distinct, Modalities, Section, Several, Share, UserPath, refusal, unit
from mgi.core.section_errors import shown
from mgi.explain.settings import ExplainSettings
from mgi.modalities import registry
from mgi.models.settings import Method, ModelSettings
from mgi.probes.settings import ProbeSettings, check_probes
from mgi.tasks.classification.settings import ClassificationSettings
from mgi.tasks.segmentation.settings import EvaluationSettings
from mgi.tasks.survival.settings import SurvivalSettings
from mgi.training.settings import FinetuneSettings, PredictSettings, PretrainSettings, ScheduleSettings

S = TypeVar("S", bound=Section)
SimulatedOmics = Literal["cn", "mutation", "methylation", "mirna", "rppa"]
SimulatedMissing = Literal["cn", "mutation", "methylation", "mirna", "rppa", "flair", "slides"]

IMAGES: tuple[SimulatedMissing, ...] = ("flair", "slides")
PRETRAINING = PretrainSettings(
    schedule=ScheduleSettings(steps=4000, batch=32, warmup_steps=200, validate_every=200, checkpoint_every=200)
)
FINETUNING = FinetuneSettings(
    schedule=ScheduleSettings(steps=8000, batch=16, warmup_steps=200, validate_every=400, checkpoint_every=200)
)

RENAMED = {"expression": "modalities.rna", "images": "modalities.flair", "genes": "modalities.rna.fit"}


def _folder_of_results(path: str) -> str:
    """The folder, written as Snakemake likes it."""
    folder = PurePosixPath(path)
    if not folder.name:
        raise refusal("", shown(path), "a folder of its own, such as results/mine")
    return str(folder)


class SimulationSettings(Section):
    """A simulated cohort, served as an archive."""

    seed: Count
    """Seed of the cohort."""
    n_patients: Annotated[int, Field(ge=3, le=100_000), unit("patients")]
    """Some lack a mask, an image or a tumour sample, as in the real archives."""
    n_genes: Annotated[int, Field(ge=750, le=60660), unit("genes")]
    """Genes in each expression file."""
    slices_min: Annotated[int, Field(ge=1, le=1000), unit("slices")]
    """Fewest slices of a patient."""
    slices_max: Annotated[int, Field(ge=1, le=1000), unit("slices")]
    """Most slices of a patient."""
    pixels: Annotated[int, Field(ge=16, le=512), unit("pixels")]
    """Side of the square slices."""
    genes_drive_images: bool
    """Whether a patient's genes shape the lesion; false: genes and images are independent, and no method can gain."""
    subtype_genes: Annotated[int, Field(ge=0, le=60660), unit("genes")] = 0
    """Genes that follow the subtype alone, a third for each, with split_evidence all for the codeleted; 0: it shows
    itself by the other factors."""
    lesion_effect: Annotated[float, Field(ge=0, le=3)] = 1.0
    """How far a patient's factors move size, margin and brightness of a lesion, against all that moves them besides."""
    omics: Distinct[SimulatedOmics] = ()
    """What the simulated GDC has beside expression: copy number, mutations, methylation, microRNA, proteins."""
    missing: dict[SimulatedMissing, Share] = Field(default={})
    """Share of the patients who lack one of them, or a scan (flair), or slides, such as {cn: 0.1}; nobody where none is
    named. Nobody lacks scan and slides by it."""
    slides: bool = False
    """Whether the simulated GDC has whole-slide images, one diagnostic one a patient and some others."""
    split_evidence: bool = False
    """Whether slides tell IDH wild types alone, and genes codeleted tumours alone, so that only both tell the three
    subtypes; it needs slides and subtype_genes."""
    mismatch: bool = False
    """Whether lesions of mutants without codeletion mostly have a dark core on FLAIR."""

    @model_validator(mode="after")
    def _missing_of_omics(self) -> Self:
        for name in self.missing:
            if name not in (*self.omics, "flair", *(["slides"] if self.slides else [])):
                raise refusal("missing", name, "entries of simulation.omics, flair, or slides where there are any")
        if sum(self.missing.get(name, 0.0) for name in IMAGES) > 1:
            raise refusal("missing", "shares of flair and slides above 1", "at most 1 together: nobody lacks both")
        return self

    @model_validator(mode="after")
    def _split_evidence_has_both_halves(self) -> Self:
        if self.split_evidence and not (self.slides and self.subtype_genes):
            raise refusal("split_evidence", "true", "false, or slides: true and subtype_genes above 0 with it")
        return self


class LeakyRuns(Section):
    """Models trained with the test's patients in training, for the paper-like table alone."""

    methods: Annotated[Distinct[Method], Field(min_length=1)] = get_args(Method)
    """Networks to train."""
    folds: Annotated[Distinct[Count], Field(min_length=1)] = (0,)
    """Folds to test, from 0 to split.folds - 1."""
    seeds: Annotated[Distinct[Count], Field(min_length=1)] = (0,)
    """Seeds of training."""
    controls: Distinct[Control] = USUAL_CONTROLS
    """MGI trained again for the gene audit: no-genes: without any genes; random-id: on random numbers that name a
    patient, pre-training included; no-pretraining: from random weights; no-image: without the image, for the tasks
    classification and survival; no-flair, no-slides: without one of two images."""


class RunsSettings(LeakyRuns):
    """Which models are trained; one run for each combination of methods, folds and seeds."""

    renamed: ClassVar = {"slice_split": "leaky_slice_split"}
    task: Annotated[str, Field(min_length=1)] = "segmentation"
    """What the methods are trained for: segmentation, classification or survival (these two for mgi alone), or a task
    of a plugin."""
    target: Annotated[str, Field(min_length=1)] | None = None
    """For task classification: the class label to tell, a name of labels.columns.classes (of the GDC: grade)."""
    image: Annotated[str, Field(min_length=1)] | Annotated[Modalities, Field(min_length=2)] = IMAGE
    """The modality that MGI reads as the image of a patient: flair, or slides, for tasks of labels alone; or both, as
    [flair, slides], of which a patient may lack one (docs/how-to/slides.md)."""
    folds: Annotated[Distinct[Count], Field(min_length=1)] = (0, 1, 2, 3, 4)
    """Folds to test, from 0 to split.folds - 1."""
    leaky_slice_split: LeakyRuns | None = None
    """Networks trained with the test's patients in training, for the paper-like table alone (config/paper-like.yaml);
    null: none."""
    variants: dict[str, VariantSettings] = Field(default={})
    """Further pre-trainings on the same folds and seeds, by name: keys of the sections pretrain and model that differ,
    and finetune: whether MGI is fine-tuned from it too, as the method mgi-NAME (docs/how-to/compare-encoders.md)."""
    ensemble: bool = False
    """Whether the seeds of a method are also scored together, as a method of its own whose logits are their mean."""

    @model_validator(mode="after")
    def _of_several(self) -> Self:
        if self.ensemble and len(self.seeds) < 2:
            raise refusal("ensemble", self.ensemble, f"false with the one seed {self.seeds[0]}, or more seeds")
        return self


class ComputeSettings(Section):
    """How much of the machine a job may use; nothing here changes a result beyond its last digits."""

    threads: Annotated[int, Field(ge=1, le=1024)] = 8
    """CPU threads of a training or prediction job; of each GPU's process where a training has several."""
    gpu: Annotated[int, Field(ge=0, le=1024)] = 1
    """0 computes on the CPU; above 0 training has a GPU for each of its processes and prediction one, and a GPU that is
    not there is an error."""
    nodes: Annotated[int, Field(ge=1, le=1024)] = 1
    """Machines over which a training of several processes is spread, on SLURM (docs/how-to/my-gpu.md)."""
    deterministic: bool = False
    """Whether training and prediction on a GPU give the same digits every time, at some cost in speed."""
    environment: Literal["train", "train-gpu"] = "train"
    """Conda environment of those jobs; train-gpu has mamba-ssm's kernels."""
    container: Annotated[str, Field(min_length=1, pattern=r"^[^\s{}<>]+$")] | None = None
    """Image that jobs run in with --software-deployment-method apptainer: path of a file, or docker://…; null: none."""
    train_mem_mb: Annotated[int, Field(ge=500, le=100_000_000), unit("MB")] = 16000
    """Memory of such a job."""
    train_runtime: Annotated[int, Field(ge=1, le=1_000_000), unit("minutes")] = 720
    """Time that such a job may take on a cluster."""


class Config(Section):
    """Every value that a user may change; the defaults are the run of TCGA-LGG."""

    renamed: ClassVar = RENAMED
    results: Annotated[UserPath, AfterValidator(_folder_of_results)] = "results/tcga-lgg"
    """Folder of everything that is made, relative to the working directory; safe to delete."""
    plugins: Several[UserPath] = ()
    """Python files that register further modalities and tasks."""
    simulation: SimulationSettings | None = None
    """A simulated cohort, served as an archive (config/demo.yaml); null: the real archives are asked."""
    modalities: Section = Section()
    """What is known of a patient and where it comes from; a section for each kind of data."""
    cohort: CohortSettings = CohortSettings()
    """Who belongs to the cohort."""
    labels: LabelSettings = LabelSettings()
    """Labels of patients: classes, survival, age and sex; none by default."""
    split: SplitSettings = SplitSettings()
    """Folds over patients, stratified by hospital."""
    model: ModelSettings = ModelSettings()
    """Architecture of MGI and of the networks that it is compared with."""
    pretrain: PretrainSettings = PRETRAINING
    """Contrastive alignment of genes and images, on a fold's training patients."""
    finetune: FinetuneSettings = FINETUNING
    """Training for the task, the same for every method."""
    classification: ClassificationSettings = ClassificationSettings()
    """Classification of patients, for runs.task classification; its label is runs.target."""
    survival: SurvivalSettings = SurvivalSettings()
    """Survival of patients, for runs.task survival; times and events are those of the labels."""
    predict: PredictSettings = PredictSettings()
    """Predictions of the test patients."""
    runs: RunsSettings = RunsSettings()
    """Which models are trained; one run for each combination of methods, folds and seeds."""
    external: AdmissionSettings | None = None
    """Another archive, on which models of the whole cohort are tested (docs/how-to/my-cohort.md); null: none."""
    probe: ProbeSettings | None = None
    """What the vectors of pre-training know of labels and survival (docs/how-to/probe.md); null: not asked."""
    associate: AssociateSettings | None = None
    """Which genes go with what is seen of a tumour (docs/how-to/associate.md); null: not asked."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """Intervals and tests over patients."""
    explain: ExplainSettings | None = None
    """Which genes the networks' answers rest on, by integrated gradients (docs/how-to/explain.md); null: not asked."""
    compute: ComputeSettings = ComputeSettings()
    """How much of the machine a job may use; nothing here changes a result beyond its last digits."""


class ExternalSettings(AdmissionSettings, CohortSettings):
    """Another archive, on which models of the whole cohort are tested."""

    renamed: ClassVar = RENAMED
    simulation: SimulationSettings | None = None
    """A simulated cohort, served as an archive; null: the real archives are asked."""
    modalities: Section
    """Where the other archive's data come from; no list of files to expect is there by default."""


def tree() -> type[Config]:
    """The model of the whole config, with a section for each modality that is registered."""
    own: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name in registry.names():
        cls = registry.settings_class(name)
        default = None if cls.default_run is None else cls.model_validate(cls.default_run)
        own[name] = (cls, default) if name == EXPRESSION else (cls | None, default)  # nothing goes without expression
        others[name] = (cls, ...) if default else (cls | None, None)
    here = _replaced(Section, "Modalities", **own)
    other = _replaced(ExternalSettings, modalities=(_replaced(Section, "OtherModalities", **others), ...))
    return _replaced(Config, modalities=(here, here()), external=(other | None, None))


def checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with all defaults, as JSON would have it.

    Raises ConfigError for the first thing that is wrong.
    """
    plugins = config.get("plugins")
    if isinstance(plugins, list):
        load_plugins(file for file in plugins if isinstance(file, str))
    read = tree().read(dict(config))
    check_other_archive(config.get("external"))
    filled = read.plain()
    check_own_files(filled["modalities"], "modalities")
    check_own_files((filled["external"] or {}).get("modalities", {}), "external.modalities")
    check_channels(filled)
    check_texts(filled)
    check_image(filled)
    check_across_sections(filled)
    filled["runs"]["variants"] = filled_variants(filled)
    check_task(filled)
    check_associations(filled)
    check_probes(filled)
    for place in (filled, filled["external"] or {"modalities": {}}):
        place["modalities"] = {
            name: given
            for name, given in place["modalities"].items()
            # One that is there by default says so where it is not, else a second reading would bring it back.
            if given is not None or registry.settings_class(name).default_run is not None
        }
    return filled


def _replaced(base: type[S], name: str = "", **fields: Any) -> type[S]:
    """The section with the types and defaults of some keys replaced or added; descriptions stay, or are a class's."""
    described: dict[str, Any] = {}
    for key, (kind, default) in fields.items():
        known = base.model_fields.get(key)
        text = known.description if known else inspect.getdoc(registry.settings_class(key))  # without its indents
        described[key] = (kind, Field(default=default, description=text))
    doc = None if name else base.__doc__
    made: type[S] = create_model(name or base.__name__, __base__=base, __doc__=doc, **described)
    return made
