"""A model card from what is on record: the run, its shards, its split and its scores; nothing is asked of anyone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mgi.core.run import IMAGE, SLIDES, Run
from mgi.evaluation.intervals import Interval
from mgi.modalities.fitted_features import FittedFeatures
from mgi.release.slide_range import SlideRange, TileSource
from mgi.release.training_range import Limits, TrainingRange
from mgi.tasks.text import rendered

SOURCES = {
    "gdc": "STAR-Counts of the GDC",
    "matrix": "a table of the user's own",
    "kaggle": "the Kaggle archive of Buda et al. 2019 (CC BY-NC-SA 4.0 as stated there)",
    "tcia": "an NBIA service",
    "nifti": "a folder of NIfTI files",
    "dicom": "a folder of DICOM files",
    "folder": "a folder of slides",
    "precomputed": "a folder of vectors of slides' tiles",
}
INPUTS = {"none": "whole slices", "foreground": "the head on each slice"}


@dataclass(frozen=True, kw_only=True)
class CardContent:
    """What a card tells. `scores` are of `score_name` by expression input, empty where the run was not tested.

    `head` says what the outputs of a task of labels mean. `further` are the modalities that are read beside expression,
    and `made_up` says that one of them is simulated. `slides` are what the training patients had beside scans.
    """

    run: Run
    record: Mapping[str, Any]
    model: Mapping[str, Any]
    images: Mapping[str, Any]
    expression: Mapping[str, Any]
    n_folds: int
    n_genes: int
    scaler: str
    trained: TrainingRange | SlideRange
    score_name: str
    scores: Mapping[str, Interval]
    version: str
    commit: str | None
    head: Mapping[str, Any] | None = None
    further: Mapping[str, FittedFeatures] = field(default_factory=dict)
    made_up: bool = False
    slides: SlideRange | None = None

    @property
    def does(self) -> str:
        """What the model says of a patient, and from what."""
        image, genes = self.run.reads_image, self.run.reads_genes
        kinds = {IMAGE: "axial FLAIR slices", SLIDES: "whole-slide images"}
        seen = ", ".join(kinds.get(one, one) for one in self.run.images)
        together = "any of them" if len(self.run.images) > 1 else "both"
        either = f"from {seen}, {self.genetic('the ')}, or {together}"
        alone = f"from {self.genetic()}" if self.further else "from genes alone"
        of_labels = either if image and genes else f"from {seen} alone" if image else alone
        if self.head is None:
            given = f"and, where it is given, from the patient's {self.genetic()}" if genes else "alone"
            return f"Segments the tumour of a lower-grade glioma from axial FLAIR slices {given}"
        if "classes" in self.head:
            return (
                f"Tells {self.head['target']} of a lower-grade glioma, {' or '.join(self.head['classes'])}, {of_labels}"
            )
        return f"Ranks patients with a lower-grade glioma by their risk ({self.head['endpoint']}), {of_labels}"

    @property
    def reads_expression(self) -> bool:
        """Whether expression is among what the model reads."""
        return self.run.reads_genes and bool(self.model.get("expression", True))

    def genetic(self, article: str = "") -> str:
        """What is read of a patient's genes, behind an article."""
        if not self.reads_expression:
            return f"{article}{' and '.join(self.further)}"
        return f"{article}gene expression" + (f" with {', '.join(self.further)} beside it" if self.further else "")

    @property
    def tiles(self) -> TileSource | None:
        """The tiles of slides that the model reads; None where it reads scans."""
        return self.trained.source if isinstance(self.trained, SlideRange) else None

    @property
    def any_tiles(self) -> TileSource | None:
        """The same, or those of slides beside scans."""
        if self.slides is None:
            return self.tiles
        return self.slides.source if SLIDES in self.run.images else None

    @property
    def asked(self) -> str:
        """What `mgi predict` is given, beside expression."""
        if self.slides is None:
            return "IMAGE" if self.tiles is None else "--slide SLIDE"
        named = {IMAGE: "IMAGE", SLIDES: "--slide SLIDE"}
        return " ".join(named[one] for one in self.run.images) or "--expression GENES"

    @property
    def output(self) -> str:
        """The name of what `mgi predict` writes."""
        return "mask.nii.gz" if self.head is None else "answer.json"

    @property
    def scored(self) -> str:
        """What the scores are."""
        if self.head is None:
            return (
                "Dice of a patient's whole volume at threshold 0.5, no post-processing, on the images' own grid; mean"
            )
        return f"{self.score_name[:1].upper()}{self.score_name[1:]}"

    @property
    def simulated(self) -> bool:
        """Whether any of the data are made up."""
        return bool(self.made_up or self.images.get("simulated") or self.expression.get("simulated"))


def model_card(content: CardContent) -> str:
    """The card as Markdown."""
    more = {
        "simulated": content.simulated,
        "crop": INPUTS[content.model["image_crop"]],
        "source": _source,
        "span": _span,
        "tiles": content.tiles,
    }
    return rendered("mgi.release", "card.md.j2", {"content": content, **vars(content), **more}) + "\n"


def ensemble_card(members: Sequence[CardContent], n_patients: int, n_untouched: int) -> str:
    """The card of an ensemble as Markdown; no member trained on, or chose its weights by, `n_untouched` patients."""
    first = members[0]
    content = {
        "members": members,
        "run": first.run,
        "first": first,
        "simulated": any(member.simulated for member in members),
        "n_patients": n_patients,
        "n_untouched": n_untouched,
        "source": first.images.get("source"),
        "version": first.version,
        "commit": first.commit,
    }
    return rendered("mgi.release", "ensemble.md.j2", content) + "\n"


def _source(dataset: Mapping[str, Any]) -> str:
    name = str(dataset.get("source", "unknown source"))
    return SOURCES.get(name, name) + (", SIMULATED" if dataset.get("simulated") else "")


def _span(limits: Limits | None) -> str:
    if limits is None:
        return "not known"
    return f"{limits.low:g}" if limits.low == limits.high else f"{limits.low:.4g} to {limits.high:.4g}"
