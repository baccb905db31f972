"""Labels of patients as any source gives them, laid beside the patients of a cohort."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mgi.core.errors import BadInputError
from mgi.core.ids import same_id
from mgi.core.text import printable

MOST_SHOWN = 5
FEWEST_ALONE = 10
"""Where more patients than this have a class of their own each, a column holds names or numbers and no classes."""
ALL_UNKNOWN = "every label is unknown"


@dataclass(frozen=True, kw_only=True)
class PatientLabels:
    """What is known of one patient; None is unknown.

    Time is in days and above 0. It and `event` are both known, or neither is and `survival_reason` says why.
    """

    classes: Mapping[str, str | None]
    time_days: float | None = None
    event: bool | None = None
    survival_reason: str | None = None
    age_years: float | None = None
    sex: str | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether nothing at all is known."""
        return not any(
            known is not None for known in (*self.classes.values(), self.time_days, self.age_years, self.sex)
        )


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Labels by patient, with where they come from.

    `place` is how errors name the source, `column_of` the source's name of each class. `endpoint` is None where no
    survival was asked for.
    """

    patients: Mapping[str, PatientLabels]
    place: str
    source: str
    column_of: Mapping[str, str]
    endpoint: str | None
    survival_source: str | None
    simulated: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    def beside(self, cohort: Collection[str], *, simulated: bool = False) -> "CohortLabels":
        """The labels of each patient of a cohort, `simulated` if either is.

        Raises BadInputError where there are none of any.
        """
        if not set(cohort) & self.patients.keys():
            raise BadInputError(f"{self.place}: {self._nobody(cohort)}")
        nothing = PatientLabels(classes=dict.fromkeys(self.column_of))
        return CohortLabels(
            labels=replace(self, simulated=self.simulated or simulated),
            rows={patient: self.patients.get(patient, nothing) for patient in sorted(cohort)},
            others=tuple(sorted(self.patients.keys() - set(cohort))),
        )

    def _nobody(self, cohort: Collection[str]) -> str:
        """Why nobody is there, with ids of both sides, of the same patient where they differ only in spelling."""
        ours, theirs = sorted(cohort), sorted(self.patients)
        alike = {same_id(one): one for one in theirs}
        pair = next(((one, alike[same_id(one)]) for one in ours if same_id(one) in alike), (ours[0], theirs[0]))
        return (
            f"found {len(theirs)} patients such as {pair[1]!r}, expected some of the cohort's {len(ours)}, "
            f"such as {pair[0]!r}"
        )


@dataclass(frozen=True, kw_only=True)
class CohortLabels:
    """A row for each patient of a cohort; `others` are patients of the source who are not in it."""

    labels: Labels
    rows: Mapping[str, PatientLabels]
    others: tuple[str, ...]

    def reason(self, patient: str) -> str | None:
        """Why nothing is known of a patient; None where something is."""
        if patient not in self.labels.patients:
            return f"not in {self.labels.source}"
        return ALL_UNKNOWN if self.rows[patient].is_unknown else None

    def faults(self) -> Iterator[str]:
        """What makes a label useless for this cohort: one class or none, no time, no event, in a line each."""
        for name in self.labels.column_of:
            known = self.classes(name)
            if len(known) < 2:
                found = f"{len(known)} classes" if not known else f"one class, {next(iter(known))!r}"
                among = f"{known.total()} of {len(self.rows)} patients of the cohort have a known label"
                yield f"{self._column(name)}: found {found} ({among}), expected two classes or more"
            elif len(known) == known.total() > FEWEST_ALONE:
                found = (
                    f"a class of its own for each of {len(known)} patients, such as {printable(next(iter(known)))!r}"
                )
                yield f"{self._column(name)}: found {found}, expected classes that patients share"
        if self.labels.endpoint is None:
            return
        events = [row.event for row in self.rows.values() if row.event is not None]
        if not any(events):
            found = f"{len(events)} censored times and no event" if events else "no time"
            yield (
                f"{self.labels.place}: {self.labels.endpoint}: found {found} among {len(self.rows)} patients of the "
                "cohort, expected some events"
            )

    def classes(self, name: str) -> Counter[str]:
        """How many patients have each class of a label, by name; unknown ones are not counted."""
        return Counter(sorted(text for row in self.rows.values() if (text := row.classes[name]) is not None))

    def summary(self) -> list[str]:
        """What was found and what is left out, in lines."""
        labels, total = self.labels, len(self.rows)
        absent = sum(patient not in labels.patients for patient in self.rows)
        lines = [f"{total - absent} of {total} patients of the cohort are in {labels.source}, {absent} are not"]
        for name in labels.column_of:
            counts = self.classes(name)
            told = [f"{count} {printable(text)}" for text, count in counts.items()]
            lines.append(f"{name}: {', '.join([*told, f'{total - counts.total()} unknown'])}")
        if labels.endpoint is not None:
            events = Counter(row.event for row in self.rows.values())
            line = f"{labels.endpoint} ({labels.survival_source}): {events[True]} events, {events[False]} censored"
            lines.append(line + _left_out(self.rows.values()))
        if self.others:
            lines.append(f"{len(self.others)} patients of {labels.source} are not in the cohort: {few(self.others)}")
        return lines

    def _column(self, name: str) -> str:
        return f"{self.labels.place}: column {self.labels.column_of[name]}"


def _left_out(rows: Collection[PatientLabels]) -> str:
    reasons = Counter(row.survival_reason or "no row" for row in rows if row.time_days is None)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"; left out: {told}" if told else ""


def few(names: Sequence[str]) -> str:
    """The first of some names, and how many follow."""
    more = len(names) - MOST_SHOWN
    return ", ".join(map(printable, names[:MOST_SHOWN])) + (f" and {more} more" if more > 0 else "")
