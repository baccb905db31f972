"""A model card from what is on record: the run, its shards, its split and its scores; nothing is asked of anyone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mgi.core.run import Run
from mgi.evaluation.intervals import Interval
from mgi.release.training_range import Limits, TrainingRange
from mgi.tasks.text import EXPRESSION_INPUTS

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
class CardFacts:
    """What a card tells. `scores` are mean volume Dice by expression input, empty where not tested."""

    run: Run
    record: Mapping[str, Any]
    model: Mapping[str, Any]
    images: Mapping[str, Any]
    expression: Mapping[str, Any]
    n_folds: int
    n_genes: int
    scaler: str
    training_range: TrainingRange
    scores: Mapping[str, Interval]
    version: str
    commit: str | None


def model_card(facts: CardFacts) -> str:
    """The card as Markdown."""
    simulated = bool(facts.images.get("simulated")) or bool(facts.expression.get("simulated"))
    title = f"# {facts.run.method}: glioma on FLAIR{' — SIMULATED DATA' if simulated else ''}"
    parts = [title, _purpose(facts, simulated=simulated), _training(facts), _result(facts), _limits(facts)]
    return "\n\n".join([*parts, _provenance(facts)]) + "\n"


def _purpose(facts: CardFacts, *, simulated: bool) -> str:
    reads = "and, where it is given, from the patient's gene expression" if facts.run.is_multimodal else "alone"
    text = (
        f"Segments the tumour of a lower-grade glioma from axial FLAIR slices {reads}. "
        "Research use only: it is not a medical device."
    )
    if simulated:
        text += " It was trained on simulated patients and knows nothing of real ones."
    return f"{text}\n\n```sh\npython -m mgi predict IMAGE --model FOLDER --output mask.nii.gz\n```"


def _training(facts: CardFacts) -> str:
    record, side = facts.record, facts.model["image_size"]
    patients, schedule = record["patients"], record["settings"]["schedule"]
    rows = {
        "images": f"{_source(facts.images)}, {facts.images.get('patients', '?')} patients in the shard",
        "expression": f"{_source(facts.expression)}, values {facts.expression.get('unit', '?')}",
        "split": f"by {facts.run.split_unit}, {_fold(facts)}, seed {facts.run.seed}",
        "patients": f"{patients['train']} train, {patients['validation']} validation (chose the weights), "
        f"{patients['test']} test",
        "genes": f"{facts.n_genes}, scaler {facts.scaler}, fitted on the training patients"
        + ("" if facts.run.is_multimodal else "; not read by this model"),
        "input": f"{INPUTS[facts.model['image_crop']]}, at {side} x {side} pixels",
        "parameters": f"{record['parameters']:,}",
        "schedule": f"{schedule['steps']} steps of {schedule['batch']} slices on {record['device']}",
    }
    return "## Training\n\n" + _table(("what", "value"), list(rows.items()))


def _fold(facts: CardFacts) -> str:
    """The fold after the last one trains on everybody."""
    number = facts.run.fold
    return f"fold {number} of {facts.n_folds}" if number < facts.n_folds else "the whole cohort, nobody left to test"


def _result(facts: CardFacts) -> str:
    if not facts.scores:
        return "## Result\n\nThis run was not tested, or its scores were not at hand when it was released."
    rows = [
        (EXPRESSION_INPUTS.get(given, given), f"{mean:.3f}", f"{low:.3f} to {high:.3f}", str(n))
        for given, (mean, low, high, n) in facts.scores.items()
    ]
    fold = facts.run.fold
    tested = f"test patients of fold {fold}" if fold < facts.n_folds else "patients of another archive"
    text = (
        "Dice of a patient's whole volume at threshold 0.5, no post-processing, on the images' own grid; mean over the "
        f"{tested}, with the 95 % bootstrap interval over patients."
    )
    return f"## Result\n\n{text}\n\n" + _table(("genes at prediction", "mean", "95 %", "patients"), rows)


def _limits(facts: CardFacts) -> str:
    given = facts.training_range
    rows = [("rows x columns", f"{_span(given.rows)} x {_span(given.columns)}"), ("slices", _span(given.slices))]
    rows += [("pixel, mm", _span(given.pixel_mm)), ("slice step, mm", _span(given.slice_mm))]
    text = (
        f"The {given.n_patients} training patients had the following; what lies outside is flagged. Intervals do not "
        "cover other hospitals, scanners or repeated trainings."
    )
    return f"## Limits\n\n{text}\n\n" + _table(("of the image", "least to most"), rows)


def _provenance(facts: CardFacts) -> str:
    commit = facts.commit or "not known (no git repository)"
    text = (
        f"Run `{facts.run.key}`, released with mgi {facts.version} at commit {commit}, trained with torch "
        f"{facts.record['torch']}. Digests, settings and the training range are in `config.json`."
    )
    if facts.images.get("source") == "kaggle":
        text += " The images are under CC BY-NC-SA 4.0; the weights may inherit this."
    return f"## Provenance\n\n{text}"


def _source(dataset: Mapping[str, Any]) -> str:
    name = str(dataset.get("source", "unknown source"))
    return SOURCES.get(name, name) + (", SIMULATED" if dataset.get("simulated") else "")


def _span(limits: Limits | None) -> str:
    if limits is None:
        return "not known"
    return f"{limits.low:g}" if limits.low == limits.high else f"{limits.low:.4g} to {limits.high:.4g}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
