"""A new patient's expression on the frozen genes of a trained model, from the user's table or a file of the GDC."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.ids import barcode_of, is_patient_id, patient_id_of
from mgi.modalities.rna.frozen_genes import by_other_name, names_borne_once, on_frozen_genes
from mgi.modalities.rna.gene_labels import GeneIndex
from mgi.modalities.rna.no_gene import gene_of, why_no_gene
from mgi.modalities.rna.normalise import FittedGenes
from mgi.modalities.rna.star import UNITS, column_of, read_star
from mgi.modalities.rna.table_layout import BESIDE_SAMPLES, GENE_COLUMNS, says_which_way
from mgi.modalities.rna.value_scale import other_scale, require_unit
from mgi.tables.table_file import read_table_file
from mgi.tables.table_parts import TableFile, Use

_STAR_START = b"# gene-model:"
_FEWEST_GENES = 2  # names of the model's genes that tell a row of genes from a row of samples


@dataclass(frozen=True, kw_only=True)
class NewExpression:
    """Values (G,) float32 on all genes that a fold was fitted on; where the file has none, the training mean.

    `missing` are those of the model's `n_genes` genes that were filled in so, in the model's order, `renamed` those
    that the file has under another name; `sample` is the label of the file's column or row.
    """

    values: NDArray[np.float32]
    n_genes: int
    missing: tuple[str, ...]
    sample: str
    renamed: tuple[str, ...] = ()
    no_genes: Mapping[str, list[str]] = field(default_factory=dict)
    """Labels of the file that are no genes and were left out, by reason."""
    filled_with: str = "training mean"
    other_scale: tuple[str, str] | None = None
    """What the values look like and what those of training do, where they differ in kind (linear, logs, centred)."""

    @property
    def missing_share(self) -> float:
        """Of the model's genes."""
        return len(self.missing) / self.n_genes


class _Profile(NamedTuple):
    """One sample as the file has it: gene labels and values (n,), NaN where a value is missing."""

    sample: str
    labels: Sequence[str]
    values: NDArray[np.float64]


def read_new_expression(
    path: Path, fitted: FittedGenes, *, unit: str, patient: str | None, max_missing: float
) -> NewExpression:
    """Read the expression of `patient` (None: of the only sample) on the genes of `fitted`, in `unit`.

    A table (genes x samples, or samples x genes) is taken as it is; of a STAR-Counts file of the GDC the column that
    `unit` names. `find_genes` says which row is which gene.
    Raises BadInputError where more than `max_missing` of the model's genes have no value, or one is infinite;
    ConfigError where `patient` does not name one sample.
    """
    return ExpressionFile(path, fitted, unit).read(patient, max_missing)


class ExpressionFile:
    """A file of expression for one patient or many: from the second on, a table is read whole and kept.

    As float32 500 samples of 60,660 genes take 121 MB.
    """

    def __init__(self, path: Path, fitted: FittedGenes, unit: str) -> None:
        self._path, self._fitted, self._unit = path, fitted, unit
        self._n_read = 0
        self._whole: _Samples | None = None

    def read(self, patient: str | None, max_missing: float) -> NewExpression:
        """What `read_new_expression` reads."""
        profile = self._profile(patient)
        return _on_genes(profile, self._fitted, f"{self._path}: sample {profile.sample}", self._unit, max_missing)

    def _profile(self, patient: str | None) -> "_Profile":
        if is_star_counts(self._path):
            return _star(self._path, self._unit)
        self._n_read += 1
        if self._n_read == 2:
            with suppress(BadInputError):  # perhaps of one sample alone, which is not everybody's fault
                self._whole = _from_table(self._path, self._fitted, None, every=True)
        if self._whole is not None:
            with suppress(ConfigError):  # of a column that is no sample of numbers more is to be said
                return self._whole.profile(patient, self._path)
        return _from_table(self._path, self._fitted, patient).profile(patient, self._path)


def is_star_counts(path: Path) -> bool:
    """Whether a file is one of the GDC, which has one sample."""
    with path.open("rb") as source:
        return source.read(len(_STAR_START)) == _STAR_START


def _on_genes(profile: "_Profile", fitted: FittedGenes, where: str, unit: str, max_missing: float) -> NewExpression:
    """A profile on all genes that a fold was fitted on."""
    if np.isinf(profile.values).any():
        gene = profile.labels[int(np.flatnonzero(np.isinf(profile.values))[0])]
        raise BadInputError(f"{where}, gene {gene}: infinite, expected a number")
    require_unit(profile.values, unit, profile.labels, where)
    profile, no_genes = _genes_alone(profile)
    values, missing = on_frozen_genes(fitted, profile.labels, profile.values[np.newaxis])
    found = NewExpression(
        values=values[0],
        n_genes=len(fitted.gene_ids),
        missing=tuple(missing),
        sample=profile.sample,
        renamed=tuple(by_other_name(fitted, profile.labels)),
        no_genes=no_genes,
        filled_with=fitted.filler,
        other_scale=other_scale(values[:, fitted.columns], fitted.mean, fitted.std),
    )
    if found.missing_share > max_missing:
        raise BadInputError(
            f"{where}: {len(missing)} of the model's {found.n_genes} genes have no value, the "
            f"first is {missing[0]}; expected at most {max_missing:.0%}; without expression it segments by the image"
        )
    return found


def _genes_alone(profile: _Profile) -> tuple[_Profile, dict[str, list[str]]]:
    """The profile without counters, spike-ins and spreadsheet dates, and these by reason."""
    reasons = why_no_gene(profile.labels)
    kept = [at for at, reason in enumerate(reasons) if reason is None]
    left_out: dict[str, list[str]] = {}
    for label, reason in zip(profile.labels, reasons, strict=True):
        if reason is not None:
            left_out.setdefault(reason, []).append(label)
    return profile._replace(labels=[gene_of(profile.labels[at]) for at in kept], values=profile.values[kept]), left_out


def _star(path: Path, unit: str) -> _Profile:
    stored = next((stored for stored, name in UNITS.items() if name == unit), None)
    if stored is None:
        raise BadInputError(f"{path}: a STAR-Counts file, but the model reads values '{unit}'; give a table of these")
    table = read_star(path)
    return _Profile(path.name, table.gene_ids.tolist(), np.log2(column_of(table, stored) + 1.0))


class _Samples(NamedTuple):
    """Samples of a table by their labels, on the genes that `labels` (n,) name; `values` (samples, n)."""

    names: Sequence[str]
    labels: Sequence[str]
    values: NDArray[np.float32]

    def profile(self, patient: str | None, path: Path) -> _Profile:
        row = _row_of(self.names, patient, path)
        return _Profile(self.names[row], self.labels, self.values[row].astype(np.float64))


def _from_table(path: Path, fitted: FittedGenes, patient: str | None, *, every: bool = False) -> _Samples:
    """The patient's sample, or `every` one whose values are numbers; all rows where samples are rows."""
    own_name = names_borne_once(fitted)
    known = GeneIndex(fitted.gene_ids, [own_name.get(gene) for gene in fitted.gene_ids])
    unnamed: list[ConfigError] = []

    def is_gene(label: str) -> bool:
        return bool(known.find(gene_of(label))[1])

    def genes_across(names: Sequence[str]) -> bool:
        """Whether a row is a sample: the names say so, else at least as many of them as tell genes from samples."""
        if (said := says_which_way(names)) is not None:
            return said == "samples x genes"
        return sum(map(is_gene, names[1:])) >= min(_FEWEST_GENES, len(fitted.gene_ids))

    def uses(names: Sequence[str], textual: Sequence[bool]) -> list[Use]:
        if genes_across(names):
            return ["text", *("number" if is_gene(name) else "nothing" for name in names[1:])]
        # A column of gene labels is the first, is called so, or holds text; all other samples are left alone.
        labels = [not at or textual[at] or name.strip().lower() in GENE_COLUMNS for at, name in enumerate(names)]
        chosen: list[int] = []
        try:
            chosen = _numeric(names, textual) if every else [_sample_of(names, textual, patient, path)]
        except ConfigError as error:  # the rows tell whether these columns are samples at all
            unnamed.append(error)
        return ["number" if at in chosen else "text" if one else "nothing" for at, one in enumerate(labels)]

    table = read_table_file(path, uses)
    if genes_across(table.names):
        return _rows(table, fitted, path)
    # A column of samples, with the labels of whichever text column names most of the model's genes.
    hits = {column: sum(map(is_gene, labels)) for column, labels in table.labels.items()}
    best = max(hits, key=lambda column: hits[column])
    if not hits[best]:
        lie = "columns" if all(map(barcode_of, table.texts(0))) or patient in table.texts(0) else "rows"
        raise _foreign(table.names[1:] if lie == "columns" else table.texts(best), lie, fitted, path)
    if unnamed:
        raise unnamed[0]
    return _Samples([table.names[at] for at in table.row_of], table.texts(best), table.values)


def _rows(table: TableFile, fitted: FittedGenes, path: Path) -> _Samples:
    if not table.row_of:
        raise _foreign(table.names[1:], "columns", fitted, path)
    return _Samples(table.texts(0), [table.names[column] for column in table.row_of], table.values.T)


def _foreign(labels: Sequence[str], where: str, fitted: FittedGenes, path: Path) -> BadInputError:
    return BadInputError(
        f"{path}: none of {len(labels)} {where} (such as {labels[0]!r}) is one of the model's {len(fitted.gene_ids)} "
        f"genes (such as {fitted.gene_ids[0]!r}), by id or by name"
    )


def _sample_of(names: Sequence[str], textual: Sequence[bool], patient: str | None, path: Path) -> int:
    """Return which column holds the patient's values, where genes are in rows."""
    samples = [at for at, name in enumerate(names) if at and name.strip().lower() not in BESIDE_SAMPLES]
    if patient is None:  # a label beside the genes is no sample, unless there is nothing else
        samples = [at for at in samples if not textual[at]] or samples
    return samples[_row_of([names[at] for at in samples], patient, path)]


def _numeric(names: Sequence[str], textual: Sequence[bool]) -> list[int]:
    """Columns that may be samples, and hold numbers."""
    return [
        at for at, name in enumerate(names) if at and name.strip().lower() not in BESIDE_SAMPLES and not textual[at]
    ]


def _row_of(samples: Sequence[str], patient: str | None, path: Path) -> int:
    """Return which sample is the patient's: by its whole label, else by the TCGA patient that labels begin with."""
    if patient is None:
        if len(samples) == 1:
            return 0
        raise ConfigError(f"--patient: missing; {path} has {len(samples)} samples, such as {samples[0]!r}")
    exact = [index for index, sample in enumerate(samples) if sample == patient]
    owners = [patient_id_of(sample) if is_patient_id(sample) else None for sample in samples]
    wanted = barcode.patient_id if (barcode := barcode_of(patient)) else patient
    same = exact or [index for index, owner in enumerate(owners) if owner == wanted]
    if len(same) != 1:
        found = f"{len(same)} samples" if same else f"none of {len(samples)} samples"
        raise ConfigError(f"--patient: {patient}: {found} of {path} by that name, expected one")
    return same[0]
