"""A model card from what is on record: the run, its shards, its split and its scores; nothing is asked of anyone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mgi.core.run import Run
from mgi.evaluation.intervals import Interval
from mgi.release.training_range import Limits, TrainingRange
from mgi.tasks.text import rendered

SOURCES = {
    "gdc": "STAR-Counts of the GDC",
    "matrix": "a table of the user's own",
    "kaggle": "the Kaggle archive of Buda et al. 2019 (CC BY-NC-SA 4.0 as stated there)",
    "tcia": "an NBIA service",
    "nifti": "a folder of NIfTI files",
    "dicom": "a folder of DICOM files",
}
INPUTS = {"none": "whole slices", "foreground": "the head on each slice"}


@dataclass(frozen=True, kw_only=True)
class CardContent:
    """What a card tells. `scores` are means by expression input, empty where the run was not tested."""

    run: Run
    record: Mapping[str, Any]
    model: Mapping[str, Any]
    images: Mapping[str, Any]
    expression: Mapping[str, Any]
    n_folds: int
    n_genes: int
    scaler: str
    trained: TrainingRange
    scores: Mapping[str, Interval]
    version: str
    commit: str | None

    @property
    def simulated(self) -> bool:
        """Whether images or expression are made up."""
        return bool(self.images.get("simulated") or self.expression.get("simulated"))


def model_card(content: CardContent) -> str:
    """The card as Markdown."""
    more = {
        "simulated": content.simulated,
        "crop": INPUTS[content.model["image_crop"]],
        "source": _source,
        "span": _span,
    }
    return rendered("mgi.release", "card.md.j2", {**vars(content), **more}) + "\n"


def ensemble_card(members: Sequence[CardContent], n_patients: int, n_untouched: int) -> str:
    """The card of an ensemble as Markdown; no member trained on, or chose its weights by, `n_untouched` patients."""
    first = members[0]
    content = {
        "members": members,
        "run": first.run,
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
