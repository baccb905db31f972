"""Labels of a run's patients, refused in one line where nothing can be learned of them."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from mgi.cohort.labels.file import LabelTable
from mgi.cohort.labels.settings import PATIENT
from mgi.core.errors import BadInputError
from mgi.core.run import EXPRESSION, Run

LOG = logging.getLogger(__name__)
Survival = dict[str, tuple[float, bool]]
"""Time in days and event of each patient for whom they are known."""


@dataclass(frozen=True, kw_only=True)
class LabelledPatients:
    """The labels, the file that they are from, and the patients of a fold who train and validate.

    `told_by` are the genetic modalities that the network reads, where they are not expression alone.
    """

    labels: LabelTable
    where: str
    fold: int
    training: Sequence[str]
    validation: Sequence[str]
    told_by: Sequence[str] = ()

    def inputs_of(self, run: Run) -> tuple[str, ...]:
        """The modalities that the run's network reads; the run says expression of all that is genetic."""
        if not self.told_by:
            return run.inputs
        return (*(name for name in run.inputs if name != EXPRESSION), *self.told_by)

    def classes(self, target: str | None) -> tuple[dict[str, str], dict[str, str]]:
        """The class of each training and each validation patient for whom it is known.

        Raises BadInputError where the label is not there, or where either have one class or none.
        """
        known = classes_of(self.labels, target, self.where)
        both = [{one: known[one] for one in role if one in known} for role in (self.training, self.validation)]
        self._require_some(both[0])
        for name, found, role in zip(("training", "validation"), both, (self.training, self.validation), strict=True):
            if len(set(found.values())) < 2:
                among = f"no label of any of the {len(role)} {name} patients"
                for one in list(found.values())[:1]:
                    among = f"one class, {one!r}, among {len(found)} of {len(role)} {name} patients with a label"
                raise BadInputError(f"{self.where}: {target}: fold {self.fold}: found {among}, expected two or more")
        return both[0], both[1]

    def survival(self) -> tuple[Survival, Survival]:
        """Time and event of each training and each validation patient for whom they are known.

        Raises BadInputError where there is no survival, or where either have no event.
        """
        known = survival_of(self.labels, self.where)
        both = [{one: known[one] for one in role if one in known} for role in (self.training, self.validation)]
        self._require_some(both[0])
        for name, found, role in zip(("training", "validation"), both, (self.training, self.validation), strict=True):
            if not any(event for _, event in found.values()):
                among = f"no event among {len(found)} of {len(role)} {name} patients with a time"
                if not found:
                    among = f"no time of any of the {len(role)} {name} patients"
                raise BadInputError(f"{self.where}: event: fold {self.fold}: found {among}, expected some")
        return both[0], both[1]

    def require_scored(self, predicted: Collection[str], known: Collection[str]) -> None:
        """Say how many predicted patients cannot be scored.

        Raises BadInputError where none can, and for a patient who is not in the cohort, or whom the fold learned from.
        """
        self._require_tested(predicted)
        n_known = len(set(predicted) & set(known))
        if not n_known:
            found = f"a label of none of the {len(predicted)} predicted patients"
            raise BadInputError(f"{self.where}: {PATIENT}: found {found}, expected labels of this cohort")
        if n_known < len(predicted):
            LOG.info("%d of %d predicted patients have a label and are scored", n_known, len(predicted))

    def _require_tested(self, predicted: Collection[str]) -> None:
        """A file of predictions says of which run it is, and not of which cohort."""
        if strangers := sorted(set(predicted) - set(self.labels.table[PATIENT])):
            found = f"no row of {strangers[0]}, who is predicted"
            raise BadInputError(f"{self.where}: {PATIENT}: found {found}, expected the predicted cohort; predict again")
        if learned := sorted({*self.training, *self.validation} & set(predicted)):
            found = f"a prediction of {learned[0]}, from whom the run learned"
            raise BadInputError(f"{self.where}: fold {self.fold}: found {found}, expected test patients; predict again")

    def _require_some(self, known: Collection[str]) -> None:
        if not known and not set(self.training) & set(self.labels.table[PATIENT]):
            found = f"none of the {len(self.training)} training patients of fold {self.fold}"
            raise BadInputError(f"{self.where}: {PATIENT}: found {found}, expected labels of this cohort")


def classes_of(labels: LabelTable, target: str | None, where: str) -> dict[str, str]:
    """The class of each patient for whom it is known. Raises BadInputError where the label is not there."""
    if target not in labels.classes:
        expected = ", ".join(labels.classes) or "a class label, and there is none"
        raise BadInputError(f"{where}: runs.target: found {target}, expected one of {expected}")
    return labels.known(target)


def survival_of(labels: LabelTable, where: str) -> Survival:
    """Time and event of each patient for whom they are known. Raises BadInputError where there is no survival."""
    if labels.endpoint is None:
        raise BadInputError(f"{where}: time_days: found no survival, expected times and events")
    known: pd.DataFrame = labels.table[labels.table["time_days"].notna() & labels.table["event"].notna()]
    values = zip(known[PATIENT], known["time_days"], known["event"], strict=True)
    return {patient: (float(time), bool(event)) for patient, time, event in values}
