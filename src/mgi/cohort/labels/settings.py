"""Where labels of patients come from, and what a user's table calls them."""

import string
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from mgi.cohort.labels.meaning import same_text
from mgi.cohort.labels.oracles import READ_OFF, Oracle, columns_of
from mgi.core.section import Distinct, Section, UserPath, refusal, unit
from mgi.core.section_errors import shown
from mgi.locks.settings import Address

PATIENT = "patient_id"
FIXED = (
    PATIENT, "time_days", "event", "survival_reason", "endpoint", "survival_source", "age_years", "sex", "source",
    "reason", "simulated",
)  # fmt: skip
"""Columns that every file of labels has; a class label has another name."""
GDC_CLASSES = ("grade",)
"""Class labels that cases of the GDC have."""
_FIRST, _FURTHER = set(string.ascii_letters), set(string.ascii_letters + string.digits + "_-")
_LONGEST_NAME = 64

Name = Annotated[str, Field(min_length=1)]


class LabelColumns(Section):
    """What the columns of a table of your own are called."""

    patient_id: Name | None = None
    """Column of the patients; null: patient_id, patient, case_id or the like, else the first column."""
    classes: dict[str, Name] = Field(default={})
    """Class labels: our name of each and its column, such as {idh: IDH status, grade: Grade}."""
    time_days: Name | None = None
    """Column of the time to the event or to the last contact, in days; or time_months."""
    time_months: Name | None = None
    """The same in months of 30.4375 days."""
    event: Name | None = None
    """Column that says whether the event happened."""
    age: Name | None = None
    """Column of the age at diagnosis, in years."""
    sex: Name | None = None
    """Column of the sex."""

    @field_validator("classes")
    @classmethod
    def _named(cls, given: dict[str, str]) -> dict[str, str]:
        for name in given:
            plain = set(name[:1]) <= _FIRST and set(name) <= _FURTHER and 0 < len(name) <= _LONGEST_NAME
            if not plain:
                raise refusal("", shown(name), "names of letters, digits, '_' and '-', a letter first")
            if name in FIXED:
                raise refusal("", shown(name), f"another name, since the labels have a column {name}")
        return given

    @model_validator(mode="after")
    def _time_has_an_event(self) -> Self:
        if self.time_days is not None and self.time_months is not None:
            raise refusal("time_months", shown(self.time_months), "null, since time_days is given")
        if self.event is not None and self.time is None:
            raise refusal("event", shown(self.event), "a column time_days or time_months beside it")
        if self.event is None and self.time is not None:
            raise refusal("event", "null", f"a column that says which of the times in {shown(self.time)} are of events")
        return self

    @model_validator(mode="after")
    def _patients_are_no_label(self) -> Self:
        if self.patient_id in self.labels:
            raise refusal("patient_id", shown(self.patient_id), "a column that is not read as a label too")
        return self

    @property
    def time(self) -> str | None:
        """Column of the times, in whichever unit."""
        return self.time_days if self.time_months is None else self.time_months

    @property
    def labels(self) -> list[str]:
        """All columns that are read beside the patients'."""
        others = (self.time, self.event, self.age, self.sex)
        return [*self.classes.values(), *(name for name in others if name is not None)]


class LabelSettings(Section):
    """Labels of patients: classes, survival, age and sex."""

    read_by: ClassVar = {
        "table": ("table",), "columns": ("table",), "unknown": ("table",), "happened": ("table",),
        "censored": ("table",), "survival_source": ("table",), "endpoint": ("table",), "project": ("gdc",),
        "lock": ("gdc",), "base_url": ("gdc",),
    }  # fmt: skip
    source: Literal["table", "gdc", "oracles"] | None = None
    """table: a table of your own; gdc: cases of the GDC (grade, survival, age, sex); oracles: those alone; null: no
    labels are made."""
    oracles: Distinct[Oracle] = ()
    """Class labels that are read off other data of the patient; idh, atrx, tp53: off modalities.mutation (mutant or
    wildtype); codel, of 1p and 19q: off modalities.cn (codel or non-codel); gain7loss10: off it too (yes or no). Where
    the source has a class of that name, this one is called NAME_oracle, and both are compared."""
    table: UserPath | None = None
    """For source table: path of the table (Parquet, TSV or CSV)."""
    columns: LabelColumns = LabelColumns()
    """For source table: what its columns are called."""
    unknown: Distinct[str] = ()
    """For source table: texts that mean unknown, beside the usual ones (empty, NA, [Not Available], Unknown)."""
    happened: Annotated[Distinct[str], Field(min_length=1)] = ("1", "dead", "deceased", "1:DECEASED", "true", "yes")
    """For source table: texts of columns.event that mean that the event happened, in upper or lower case."""
    censored: Distinct[str] = ("0", "alive", "living", "0:LIVING", "false", "no")
    """For source table: texts of columns.event that mean that it had not happened at the last contact, in upper or
    lower case."""
    endpoint: Name = "OS"
    """For source table: what the event is, such as OS, PFI or DSS; it is written beside the times."""
    survival_source: Name | None = None
    """For source table: where survival comes from, such as a publication; null: the name of the table's file."""
    project: Name = "TCGA-LGG"
    """For source gdc: the project."""
    base_url: Address = "https://api.gdc.cancer.gov"
    """For source gdc: address of its interface."""
    lock: UserPath | None = None
    """For source gdc: path of cases from an earlier run (raw/labels/cases.json): the same again, and no search."""
    retry_base_s: Annotated[float, Field(ge=0, le=60), unit("s")] = 1.0
    """Upper bound of the first pause between attempts, which doubles, up to 60 s."""
    read_off: dict[Name, Annotated[Distinct[Name], Field(min_length=1)]] = Field(default={})
    """Class labels that are read off a modality, or all but written in it, by label, such as IDH in expression: a model
    of that modality is circular, since what it predicts is known from its input."""
    circular: Literal["label", "refuse"] = "label"
    """What is done about a circular pair; label: every table says so beside the number; refuse: none is made."""

    @model_validator(mode="after")
    def _source_reads_what_is_given(self) -> Self:
        for key, sources in self.read_by.items():
            given, usual = getattr(self, key), type(self).model_fields[key].get_default()
            if self.source not in sources and given != usual:
                why = f"since only source {sources[0]} reads it and source is {shown(self.source)}"
                raise refusal(key, shown(given), f"{shown(usual)}, {why}")
        if self.source == "table":
            self._require_a_table()
        return self

    @model_validator(mode="after")
    def _oracles_have_a_place(self) -> Self:
        if self.oracles and self.source is None:
            raise refusal("source", "null", "oracles, table or gdc, since oracles are asked for")
        if self.source == "oracles" and not self.oracles:
            raise refusal("oracles", "[]", "some, for source oracles")
        if twice := sorted(set(self.oracle_columns) & set(self._own_classes)):
            raise refusal("columns.classes", shown(twice[0]), "another name, since an oracle has this one")
        return self

    @model_validator(mode="after")
    def _read_off_labels_exist(self) -> Self:
        if unknown := [name for name in self.read_off if name not in self.classes]:
            expected = f"class labels of {', '.join(self.classes) or 'labels.columns.classes, which has none'}"
            raise refusal("read_off", shown(unknown[0]), expected)
        return self

    def _require_a_table(self) -> None:
        if self.table is None:
            raise refusal("table", "null", "the path of a table for source table")
        if not self.columns.classes and self.columns.time is None:
            raise refusal("columns", "no class and no time", "columns.classes, or time_days or time_months with event")
        happened, censored = (set(map(same_text, texts)) for texts in (self.happened, self.censored))
        if both := sorted(happened & censored):
            raise refusal("censored", shown(both[0]), "no text that labels.happened has too")

    @property
    def classes(self) -> tuple[str, ...]:
        """The class labels that the source gives, and the oracles."""
        return (*self._own_classes, *self.oracle_columns)

    @property
    def oracle_columns(self) -> dict[str, str]:
        """The oracles by the name of their class label."""
        return columns_of(self.oracles, self._own_classes)

    @property
    def told_by(self) -> dict[str, tuple[str, ...]]:
        """The modalities that tell a class label by themselves: what read_off says, and where the oracles come from.

        What an oracle tells, its label of the same name is told by too.
        """
        off = {name: set(told) for name, told in self.read_off.items()}
        for column, name in self.oracle_columns.items():
            for label in {column, name} & set(self.classes):
                off.setdefault(label, set()).add(READ_OFF[name])
        return {name: tuple(sorted(told)) for name, told in off.items()}

    @property
    def _own_classes(self) -> tuple[str, ...]:
        return {"table": tuple(self.columns.classes), "gdc": GDC_CLASSES}.get(self.source or "", ())

    @property
    def has_survival(self) -> bool:
        """Whether the source gives times and events."""
        return self.source == "gdc" or (self.source == "table" and self.columns.time is not None)

    @property
    def threads(self) -> int:
        """Connections that a search keeps: its pages come one after another."""
        return 1
