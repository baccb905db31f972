"""Class labels that a modality tells by itself, laid beside those of another source and compared with them."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mgi.cohort.labels.labels import Labels, PatientLabels, few
from mgi.cohort.labels.meaning import same_text
from mgi.core.errors import BadInputError

Oracle = Literal["idh", "atrx", "tp53", "codel", "gain7loss10"]
READ_OFF: Mapping[str, str] = {
    "idh": "mutation", "atrx": "mutation", "tp53": "mutation", "codel": "cn", "gain7loss10": "cn"
}  # fmt: skip
"""The modality that tells each of them."""
_YES = ("mutant", "mut", "mutated", "codel", "codeleted", "co-deleted", "deleted", "yes", "true", "1", "positive")
_NO = (
    "wildtype", "wild type", "wild-type", "wt", "non-codel", "noncodel", "non-codeleted", "intact", "no", "false", "0",
    "negative",
)  # fmt: skip
"""How tables write what an oracle says yes or no to."""


def columns_of(oracles: Sequence[str], own: Collection[str]) -> dict[str, str]:
    """The name of each oracle by that of its column: the same, or with `_oracle` where another source has that name."""
    return {f"{name}_oracle" if name in own else name: name for name in oracles}


def with_oracles(
    labels: Labels, columns: Mapping[str, str], found: Mapping[str, Mapping[str, str | None]], cohort: Collection[str]
) -> Labels:
    """The labels with a class more for each column; `found` has the classes of the patients by oracle.

    Whoever is not in the cohort is left out: an oracle knows no others. Raises BadInputError where nobody of it has
    the data that tell them.
    """
    nothing = PatientLabels(
        classes=dict.fromkeys(labels.column_of),
        survival_reason=None if labels.endpoint is None else f"not in {labels.source}",
    )
    everyone = set(cohort)
    known = {patient for name in columns.values() for patient in found.get(name, {}) if patient in everyone}
    if not known:
        wanted = " or ".join(sorted({READ_OFF[name] for name in columns.values()}))
        raise BadInputError(f"labels.oracles: none of {len(cohort)} patients of the cohort has {wanted}, expected some")
    patients = {
        patient: replace(row, classes={**row.classes, **_classes(columns, found, patient)})
        for patient, row in ((one, labels.patients.get(one, nothing)) for one in sorted({*labels.patients, *known}))
    }
    told = f"oracles of {' and '.join(sorted({READ_OFF[name] for name in columns.values()}))}"
    return replace(
        labels,
        patients=patients,
        source=f"{labels.source}; {told}" if labels.source else told,
        column_of={**labels.column_of, **{column: f"{name} of {READ_OFF[name]}" for column, name in columns.items()}},
    )


def _classes(
    columns: Mapping[str, str], found: Mapping[str, Mapping[str, str | None]], patient: str
) -> dict[str, str | None]:
    return {column: found.get(name, {}).get(patient) for column, name in columns.items()}


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of patients whom both know: how many have the class that an oracle tells, who has `another`, and how many have a
    text that says neither."""

    same: int
    another: tuple[str, ...]
    strange: int

    @property
    def share(self) -> float:
        """Who has the same, of those whose text is understood; nan where there is nobody."""
        known = self.same + len(self.another)
        return self.same / known if known else math.nan

    def said(self, name: str) -> str:
        """The same in a line."""
        line = f"{name}: {self.same} patients have the class that {READ_OFF[name]} tells, {len(self.another)} another"
        line += f" ({few(self.another)})" if self.another else ""
        return line + (f", {self.strange} a text that is neither" if self.strange else "")


def agreement(labels: Labels, name: str, column: str) -> Agreement:
    """How the class `name` of a source agrees with what an oracle tells in `column`."""
    found = {one: _compared(row.classes[name], row.classes[column]) for one, row in labels.patients.items()}
    counts = Counter(found.values())
    another = tuple(sorted(one for one, how in found.items() if how == _OTHER))
    return Agreement(same=counts[_SAME], another=another, strange=counts[_STRANGE])


def compared(labels: Labels, columns: Mapping[str, str]) -> Iterator[str]:
    """How the oracles agree with the labels of the same name, in a line each."""
    return (agreement(labels, name, column).said(name) for column, name in columns.items() if column != name)


_SAME, _OTHER, _STRANGE, _UNKNOWN = "same", "other", "strange", "unknown"


def _compared(stated: str | None, told: str | None) -> str:
    if stated is None or told is None:
        return _UNKNOWN
    meant = _meaning(stated)
    if meant is None:
        return _STRANGE
    return _SAME if meant == _meaning(told) else _OTHER


def _meaning(text: str) -> bool | None:
    plain = same_text(text)
    return True if plain in _YES else False if plain in _NO else None
