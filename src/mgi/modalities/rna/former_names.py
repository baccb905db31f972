"""Gene symbols that were renamed because spreadsheets turn them into dates, with what they are called today.

Whole families, in both directions, since a table may be older or newer than the genes it is compared with. HGNC gave
the new symbols between 2018 and 2020; GENCODE has them from v34 on. No other renaming is known here.
"""

_FAMILIES = {
    "MARCH": ("MARCHF", range(1, 12)),
    "SEPT": ("SEPTIN", (*range(1, 13), 14)),
    "MARC": ("MTARC", range(1, 3)),
}
RENAMED = {f"{old}{number}": f"{new}{number}" for old, (new, numbers) in _FAMILIES.items() for number in numbers}
RENAMED["DEC1"] = "DELEC1"
_OTHER_NAME = RENAMED | {new: old for old, new in RENAMED.items()}


def other_name(symbol: str) -> str | None:
    """The symbol that a gene of these families had before, or has today; None for any other."""
    return _OTHER_NAME.get(symbol)
