"""What a label of an expression table is, where it is no gene: which are left out and listed, which stop the read.

Counters and spike-ins measure the library, so they tell batch and hospital. Outcomes and traits beside genes are a
leak: a model would read what it is to predict. Labels that a spreadsheet has turned into dates or rounded numbers
name no gene any more.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from mgi.core.errors import BadInputError
from mgi.core.gene_ids import is_ensembl
from mgi.modalities.rna.clinical_names import is_clinical
from mgi.modalities.rna.former_names import RENAMED

COUNTER, SPIKE_IN, IGNORED = "counter of reads, no gene", "spike-in control, no gene", "ignored by the configuration"
MANGLED = "date or rounded number of a spreadsheet"
MOST_MANGLED = 30
"""Of a table's labels: the families that spreadsheets turn into dates (MARCH, MARC, SEPT, DEC1) have 28 genes."""
IGNORE = "modalities.rna.ignore"

_COUNTER = re.compile(
    r"(?:__)?(?:no_feature|ambiguous|too_low_aqual|not_aligned|alignment_not_unique)"  # HTSeq, old and new
    r"|n_(?:unmapped|multimapping|nofeature|ambiguous)"  # STAR
    r"|(?:un)?assigned_\w+|assigned"  # featureCounts
    r"|\*",  # samtools idxstats
    re.IGNORECASE,
)
_SPIKE_IN = re.compile(r"ERCC-\d{5}", re.IGNORECASE)
_MONTHS = "Jan|Feb|Mar|Mär|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sept|Sep|Oct|Okt|Nov|Dec|Dez"
_DATE = re.compile(
    rf"X?\d{{1,2}}\.?[-/. ](?i:{_MONTHS})[a-z]*\.?(?:[-/. ]\d{{2,4}})?"  # 1-Mar, 01.Mar.2001, R's X1.Mar
    rf"|(?:{_MONTHS})[-/. ]\d{{1,4}}"  # Mar-01; not OCT-1, which is a gene's former name
    r"|\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?"  # 2001-03-01
    r"|\d{1,2}/\d{1,2}/\d{2,4}|\d{1,2}\.\d{1,2}\.\d{4}"
)
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+?\d{1,2}", re.IGNORECASE)  # 2.31E+13; clones are named like RP11-34P13.7
_FIRST_DAY, _LAST_DAY = 36526, 54789  # days of 2000 to 2050 as spreadsheets count them: 44256 is 1 March 2021
_ENTREZ = re.compile(r"\d{1,9}(?:\.0)?")
_WITH_ENTREZ = re.compile(r"[^\s|]+\|\d{1,9}")  # TP53|7157, ?|100130426
_SYMBOL = re.compile(r"(?=[^\s]*[A-Z])[A-Za-z0-9][A-Za-z0-9._@/-]{0,39}|7SK|hsa-[\w.-]+")
_SUFFIX = re.compile(r"(?<=.)_(?:rna_?seq|mrna)", re.IGNORECASE)


def gene_of(label: str) -> str:
    """A label without the ending that says that it is expression: `EGFR_rnaseq` is EGFR."""
    found = _SUFFIX.search(label)
    return label[: found.start()] if found and found.end() == len(label) else label


def ignored_by(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether the user leaves a label out: it is one of the `patterns`, in which `*` stands for any text."""
    exact = frozenset(patterns)
    wild = [pattern for pattern in patterns if "*" in pattern]
    return lambda label: label in exact or any(fnmatchcase(label, pattern) for pattern in wild)


def idle(patterns: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The patterns that leave out none of the labels."""
    return [pattern for pattern in patterns if not any(map(ignored_by([pattern]), labels))]


def mangled(labels: Sequence[str]) -> list[bool]:
    """Which labels look like dates or rounded numbers; a bare number of a day only where most labels are no numbers."""
    numbers = [label.isascii() and label.isdigit() for label in labels]
    days = sum(numbers) <= len(labels) / 2
    return [
        bool(_DATE.fullmatch(label) or _ROUNDED.fullmatch(label))
        or (days and number and len(label) == 5 and _FIRST_DAY <= int(label) <= _LAST_DAY)
        for label, number in zip(labels, numbers, strict=True)
    ]


def why_no_gene(labels: Sequence[str]) -> list[str | None]:
    """Why each label cannot be a gene: a counter, a spike-in, a date or a rounded number; None where it may be one."""
    return [
        COUNTER if _COUNTER.fullmatch(label)
        else SPIKE_IN if _SPIKE_IN.fullmatch(label)
        else MANGLED if is_odd
        else None
        for label, is_odd in zip(labels, mangled(labels), strict=True)
    ]  # fmt: skip


def reasons_against(labels: Sequence[str], path: Path, is_ignored: Callable[[str], bool]) -> list[str | None]:
    """Why each label of a table is left out as no gene, None where it may be one.

    Raises BadInputError for labels of outcomes, traits and other measurements that are not ignored, and where more
    than MOST_MANGLED are dates or rounded numbers.
    """
    refuse_clinical(labels, path, is_ignored)
    reasons = [
        IGNORED if is_ignored(label) else reason for label, reason in zip(labels, why_no_gene(labels), strict=True)
    ]
    lost = [label for label, reason in zip(labels, reasons, strict=True) if reason == MANGLED]
    if len(lost) > MOST_MANGLED:
        raise BadInputError(
            f"{path}: {len(lost)} gene labels look like dates or rounded numbers of a spreadsheet: {few(lost)}; "
            f"expected at most {MOST_MANGLED}, which are left out: write the table anew from its source, labels as "
            f"text, or list them in {IGNORE}"
        )
    return reasons


def refuse_clinical(labels: Iterable[str], path: Path, is_ignored: Callable[[str], bool]) -> None:
    """Refuse labels that name no expression and are not ignored."""
    if found := [label for label in labels if not is_ensembl(label) and is_clinical(label) and not is_ignored(label)]:
        raise BadInputError(
            f"{path}: {len(found)} of the genes are named like outcomes, traits or other measurements: {few(found)}; "
            f"expected expression alone, since a model would read what it is to predict: take them out, or list them "
            f"in {IGNORE}, such as [{found[0]}] or ['*_cnv']"
        )


def unknown(labels: Iterable[str]) -> list[str]:
    """The labels that are no gene of any known kind: no Ensembl id, no Entrez number, nothing like a symbol."""
    kinds = (_SYMBOL, _ENTREZ, _WITH_ENTREZ)
    return [label for label in labels if not (is_ensembl(label) or any(kind.fullmatch(label) for kind in kinds))]


def notes_on(genes: pd.DataFrame, labels: Sequence[str]) -> list[str]:
    """What a user should know of the kept `genes` and the `labels` that the table has, one line each."""
    ids, names = genes["gene_id"].tolist(), genes["gene_name"].tolist()
    former = [name for name in names if name in RENAMED]
    told = {
        "genes have names of before GENCODE v34, which are matched to today's (MARCHF, SEPTIN, MTARC, DELEC1)": former,
        "labels end in _rnaseq or _mrna, which is left off": [label for label in labels if gene_of(label) != label],
        "genes are of no known kind (no Ensembl id, symbol or Entrez number)": unknown(ids),
        "gene names are dates or rounded numbers of a spreadsheet; these genes are known by their ids alone": [
            name for name, is_odd in zip(names, mangled(names), strict=True) if is_odd
        ],
    }
    return [f"{len(found)} {what}: {few(found)}" for what, found in told.items() if found]


def few(labels: Sequence[str], most: int = 8) -> str:
    """The first labels of several, for a message."""
    return ", ".join(repr(label[:60]) for label in labels[:most]) + (", …" if len(labels) > most else "")
