"""A new patient's further modalities for a released model: read from the user's tables, one a modality."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.ids import barcode_of
from mgi.modalities.new_table import NewFeatures, SampleMissingError, read_new_features
from mgi.release.ensemble import Model
from mgi.release.package import Release
from mgi.release.request import PredictionRequest
from mgi.release.training_range import Flag


@dataclass(frozen=True, kw_only=True)
class NewModality:
    """One modality as its table has it; `missing` are the model's features without a value, of the member that lacks
    most of its `n_features`."""

    read: NewFeatures
    unit: str
    n_features: int
    missing: tuple[str, ...]

    def flag(self, name: str) -> list[Flag]:
        """A flag where any feature was filled."""
        if not self.missing:
            return []
        counted = f"{len(self.missing)} of {self.n_features} features of {name}"
        said = f"{counted} have no value and got the training value of a gap, such as {self.missing[0]}"
        return [Flag(f"missing_{name}", len(self.missing), 0, said)]

    def record(self) -> dict[str, Any]:
        """What the report says."""
        return {
            "sample": self.read.sample,
            "unit": self.unit,
            "expected": self.n_features,
            "missing": len(self.missing),
            "missing_features": list(self.missing),
        }


def read_modalities(request: PredictionRequest, model: Model, sample: str | None) -> dict[str, NewModality]:
    """Those that the request names; `sample` is that of the expression, None without it.

    One whose shared table lacks the patient is left out. Raises ConfigError for one that the model does not read,
    or of another patient than the others; BadInputError where more than `--max-missing` of a member's features have no
    value.
    """
    known, read = sorted(model.first.weights.model.further), dict[str, NewModality]()
    for name in request.modalities:
        if name not in known:
            expected = ", ".join(known) or "none"
            beside = " beside genes" if model.first.reads_expression or not known else ""
            raise ConfigError(f"--modality: found {name}, expected {expected}: what {model.name} reads{beside}")
    first = None if sample is None else ("--expression", sample)
    for name in sorted(request.modalities):
        label = request.own_samples.get(name, request.sample)
        try:
            found = read_new_features(request.modalities[name], model.first.further[name].space, label)
        except SampleMissingError:
            if name in request.shared:
                continue
            raise
        if first is not None:
            _require_same_patient(request.modalities[name], found.sample, *first)
        read[name] = _checked(request, model, name, found)
        first = first or (f"--modality {name}", found.sample)
    return read


def _require_same_patient(path: Path, sample: str, option: str, other_sample: str) -> None:
    """Raise ConfigError where two samples are of two patients by their barcodes."""
    own, other = barcode_of(sample), barcode_of(other_sample)
    if own is not None and other is not None and own.patient_id != other.patient_id:
        raise ConfigError(f"--modality: {path}: {sample!r}, but {option} is of {other_sample!r}: not one patient")


def _checked(request: PredictionRequest, model: Model, name: str, found: NewFeatures) -> NewModality:
    """What was read, with the features that have no value in any member's eyes."""
    path = request.modalities[name]
    lacking: list[tuple[float, int, tuple[str, ...]]] = []
    for member in model.members:
        fitted, values = member.further[name].fitted, _values(member, name, found, path)
        missing = tuple(np.array(fitted.feature_ids, object)[np.isnan(values[fitted.columns])])
        lacking.append((len(missing) / len(fitted.feature_ids), len(fitted.feature_ids), missing))
    share, count, missing = max(lacking, key=lambda one: one[0])
    if share > request.max_missing:
        raise BadInputError(
            f"{path}: sample {found.sample}: {len(missing)} of the model's {count} features of {name} have no value, "
            f"the first is {missing[0]}; expected at most {request.max_missing:.0%}; without it there is a null token"
        )
    return NewModality(read=found, unit=model.first.further[name].space.unit, n_features=count, missing=missing)


def _values(member: Release, name: str, found: NewFeatures, path: Path) -> NDArray[np.float32]:
    """The values on the features of this member, which are those of the first one's shard."""
    if len(found.values) != len(member.further[name].space.features):
        raise BadInputError(f"{path}: the members of the model have other features of {name} than the first")
    return found.values


def beside_genes(
    genes: NDArray[np.float32] | None, member: Release, given: Mapping[str, NewModality]
) -> NDArray[np.float32]:
    """A patient's numbers (K,) as the network of a member reads them: NaN of each modality that is not given, be it
    expression."""
    parts: list[NDArray[np.float32]] = []
    if member.weights.model.expression:
        parts.append(np.full(len(member.fitted.gene_ids), np.nan, np.float32) if genes is None else genes)
    for name, size in sorted(member.weights.model.further.items()):
        if name in given:
            parts.append(member.further[name].space.scaled(given[name].read.values, member.further[name].fitted))
        else:
            parts.append(np.full(size, np.nan, np.float32))
    return np.concatenate(parts)


def modalities_said(model: Model, given: Mapping[str, NewModality]) -> list[str]:
    """What was used of each modality but expression, in words."""
    names = sorted(model.first.weights.model.further)
    return [f"{name} of {given[name].read.sample}" if name in given else f"{name}: null token" for name in names]
