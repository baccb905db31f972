"""A cohort through a released model in one process: what is there stays, and one bad patient does not stop the others.

Each patient's report names what it was made from, so that a second run has nothing to do.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import mgi
from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import atomic_path, digest_of, read_json
from mgi.core.text import printable
from mgi.locks.user_folder import files_below
from mgi.modalities.rna.new_patient import is_star_counts
from mgi.release.ensemble import Model
from mgi.release.mask_summary import MaskSummary
from mgi.release.new_image import PROBABILITY, kind_of, report_path
from mgi.release.new_patient import ExpressionFiles
from mgi.release.patient_list import Listed
from mgi.release.prediction import predict
from mgi.release.request import PredictionRequest
from mgi.tasks.registry import reads_labels

TABLE = "patients.csv"
MADE_FROM = "made_from"
FOUND = (
    *(field.name for field in fields(MaskSummary)),
    *("target", "class", "probability", "endpoint", "risk", "risk_quantile"),
)
MOST_NAMED = 5
REASON_CHARACTERS = 2_000
_ONE_PATIENTS = (BadInputError, ConfigError, IntegrityError, OSError)
"""What is wrong with one patient; a full disk is everybody's."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A patient's row of the table and line on the terminal; `was_there`: nothing was done. `modalities` are those that
    were read beside expression."""

    row: Mapping[str, Any]
    said: str
    was_there: bool = False
    modalities: tuple[str, ...] = ()


def predict_all(
    model: Model, listed: Sequence[Listed], output: Path, device: torch.device, *, probabilities: bool
) -> None:
    """Predict each patient into the folder `output`, a line each, and write the table of all.

    Raises BadInputError where any patient has no result, after the others have theirs, and ConfigError where the files
    of two patients would have one name.
    """
    names = {one.patient for one in listed}
    if clash := sorted(name for name in names if probabilities and f"{name}{PROBABILITY}" in names):
        raise ConfigError(f"--probabilities: {clash[0]}{PROBABILITY} is a patient's name: give it another one")
    if len(listed) > 1 and (own := _shared_star(listed)):
        raise ConfigError(
            f"--expression: {own}: STAR-Counts of one sample for {len(listed)} patients; expected a table of all, or a "
            "column expression of --table"
        )
    files, outcomes = ExpressionFiles(model), []
    for number, one in enumerate(listed, start=1):
        try:
            outcome = _of_one(model, one, output, device, files, probabilities=probabilities)
        except _ONE_PATIENTS as error:
            reason = printable(error, REASON_CHARACTERS)
            outcome = Outcome(row={"status": "failed", "error": reason}, said=f"FAILED: {reason}")
        print(f"{number} of {len(listed)}: {one.patient}: {outcome.said}", flush=True)
        outcomes.append(outcome)
    rows = [{"patient": one.patient, **outcome.row} for one, outcome in zip(listed, outcomes, strict=True)]
    _write_table(output / TABLE, pd.DataFrame(rows))
    n_there = sum(outcome.was_there for outcome in outcomes)
    failed = [row["patient"] for row in rows if row["status"] == "failed"]
    print(f"{output / TABLE}: {len(rows)} patients: {n_there} done before, {len(failed)} failed")
    _require_someone(listed, outcomes)
    if failed:
        shown = ", ".join(failed[:MOST_NAMED]) + (", …" if len(failed) > MOST_NAMED else "")
        raise BadInputError(f"{len(failed)} of {len(rows)} patients have no result ({shown}): their lines say why")


def _require_someone(listed: Sequence[Listed], outcomes: Sequence[Outcome]) -> None:
    """Raise BadInputError for a shared table that has none of the patients who were predicted: its names are others."""
    done = [(one, outcome) for one, outcome in zip(listed, outcomes, strict=True) if outcome.row["status"] == "done"]
    for name in sorted({name for one, _ in done for name in one.request.shared}):
        asked = [(one, outcome) for one, outcome in done if name in one.request.shared]
        if not any(name in outcome.modalities for _, outcome in asked):
            first = asked[0][0]
            raise BadInputError(
                f"--modality: {first.request.modalities[name]}: found none of {len(asked)} patients, such as "
                f"{first.patient}, expected their names or those of the column sample; all got the null token of {name}"
            )


def _shared_star(listed: Sequence[Listed]) -> Path | None:
    """A file of one sample that would be taken for several patients'."""
    counts = Counter(one.request.expression for one in listed)
    several = (path for path, count in counts.items() if path is not None and count > 1 and path.is_file())
    return next(filter(is_star_counts, several), None)


def _of_one(
    model: Model, one: Listed, output: Path, device: torch.device, files: ExpressionFiles, *, probabilities: bool
) -> Outcome:
    if one.fault is not None:
        raise one.fault
    target = _target(model, one, output)
    made_from = _made_from(model, one.request, probabilities=probabilities)
    if (there := _report_there(target, made_from)) is not None:
        return Outcome(row=_row(target, there), said="done before", was_there=True, modalities=_read_in(there))
    report_path(target).unlink(missing_ok=True)  # of another model or image; should this one fail, none is left
    found = predict(model, one.request, device, files)
    found.write(target, probabilities=probabilities, more={MADE_FROM: made_from})
    doubt = [] if found.patient.doubt is None else [f"note: {found.patient.doubt}"]
    said = "; ".join([found.said(), *(f"flag {flag.flag}" for flag in found.flags), *doubt])
    report = found.report()
    return Outcome(row=_row(target, report), said=said, modalities=_read_in(report))


def _read_in(report: Mapping[str, Any]) -> tuple[str, ...]:
    """The modalities beside expression that a report says were read."""
    return tuple(name for name, told in report.get("modalities", {}).items() if told is not None)


def _target(model: Model, one: Listed, output: Path) -> Path:
    """Where a patient's mask or answer comes."""
    if reads_labels(model.first.weights.run.task):
        return output / f"{one.patient}.json"
    if one.request.image is None:
        raise ConfigError(f"image: missing, expected an image: {model.name} segments")
    return output / (one.patient if kind_of(one.request.image) == "slices" else f"{one.patient}.nii.gz")


def _made_from(model: Model, request: PredictionRequest, *, probabilities: bool) -> str:
    """A digest of the model, of what is asked, and of name, size and time of each file that is read."""
    files = []
    tables = [request.modalities[name] for name in sorted(request.modalities)]
    for given in (request.image, request.slide, request.tile_weights, request.expression, *tables):
        if given is not None and given.exists():
            paths = [given / name for name in files_below(given)] if given.is_dir() else [given]
            files += [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths]
    options = {name: value for name, value in asdict(request).items() if not isinstance(value, Path)}
    options |= {"modalities": sorted(request.modalities)}
    if not request.modalities:  # as before there were any
        options = {name: value for name, value in options.items() if name not in ("own_samples", "shared")}
        options["modalities"] = {}
    return digest_of([mgi.__version__, model.digest, str(sorted(options.items())), str(probabilities), *files])


def _report_there(target: Path, made_from: str) -> dict[str, Any] | None:
    """The report of a patient who has all that would be made; None where anything is missing, other or damaged."""
    path = report_path(target)
    with suppress(BadInputError, IntegrityError):
        report = read_json(path) if path.is_file() else {}
        folder = target if target.is_dir() else target.parent
        beside = target.with_name(f"{target.name}{PROBABILITY}") if target.is_dir() else target.parent
        drawn = [folder / name for name in report.get("masks", [])]
        drawn += [beside / name for name in report.get("probabilities", [])]
        if report.get(MADE_FROM) == made_from and all(file.is_file() for file in drawn):
            return report
    return None


def _row(target: Path, report: Mapping[str, Any]) -> dict[str, Any]:
    """The line of the table; names of flags, which have no blanks, are joined by them."""
    found = dict(report.get("mask") or report["answer"])
    if isinstance(of_classes := found.get("probability"), Mapping):
        found["probability"] = of_classes[found["class"]]
    return {
        "status": "done",
        "output": target.name,
        **{name: found[name] for name in FOUND if name in found},
        "genes": report["genes"]["used"],
        "missing_genes": report["genes"].get("missing"),
        "flags": " ".join(flag["flag"] for flag in report["flags"]),
        "forced": " ".join(report["forced"]),
        "error": None,
    }


def _write_table(path: Path, table: pd.DataFrame) -> None:
    """Write the table unless it is there; missing values are empty, whole numbers have no point."""
    text = table.convert_dtypes().to_csv(index=False)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with atomic_path(path) as part:
            part.write_text(text, encoding="utf-8")
