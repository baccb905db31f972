"""The part of the report that shows which genes go with what is seen of a tumour, with and without its subtype.

Of other modalities than expression it shows which features do.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from mgi.association.scan_file import WrittenScan, read_scan
from mgi.core.errors import BadInputError
from mgi.core.run import EXPRESSION
from mgi.reporting.associate_figures import genome_places, manhattan_figure, volcano_figure
from mgi.tasks.report_parts import Section
from mgi.tasks.text import rendered

KINDS = {
    "lesion": ("Features of the tumour", "features of the tumour by its reference mask"),
    "embedding": ("Image vectors of pre-training", "components of test patients' image vectors"),
}
"""Folder, title, and how its phenotypes are called in a sentence."""
GIVEN = "-subtype"
SHOWN = 15


def section(folder: Path, *, simulated: bool) -> Section:
    """Figures, hits and inflation of each scan that is there; `folder` holds a folder a scan.

    Raises BadInputError where there is none.
    """
    parts, figures = [], dict[str, str | None]()
    for kind, modality, path in _scans(folder):
        title, phenotypes = KINDS[kind]
        tested = "genes" if modality == EXPRESSION else f"features of {modality}"
        alone = read_scan(path)
        beside = path.with_name(f"{path.name}{GIVEN}")
        given = read_scan(beside) if beside.is_dir() else None
        panels = {"Without subtype": alone} | ({"Given the subtype": given} if given else {})
        name = f"associate_{path.name.replace('-', '_')}"
        own = {
            f"{name}_manhattan": manhattan_figure(panels, tested, simulated=simulated),
            f"{name}_volcano": volcano_figure(panels, simulated=simulated),
        }
        figures |= own
        parts.append(
            {
                "title": title if modality == EXPRESSION else f"{title}: {modality}",
                "tested": tested,
                "is_expression": modality == EXPRESSION,
                "sentences": sentences(alone, given, phenotypes, tested),
                "placed": genome_places(alone.about) is not None,
                "manhattan": own[f"{name}_manhattan"],
                "volcano": own[f"{name}_volcano"],
                "hits": hit_rows(alone, given),
                "n_hits": len(alone.hit_pairs()),
                "inflation": inflation_rows(alone, given),
                "given": given is not None,
                "permuted": alone.how["permutations"] > 0,
                "fdr": alone.fdr,
                "n": alone.n,
                "needed": r_of_one(alone),
            }
        )
    if not parts:
        raise BadInputError(f"{folder}: found no scan, expected a folder {' or '.join(KINDS)}")
    html = rendered(
        "mgi.reporting",
        "associate_section.html.j2",
        {
            "parts": parts,
            "others": not all(part["is_expression"] for part in parts),
            "shown": SHOWN,
            "simulated": simulated,
        },
    )
    return Section(html=html, figures=figures, links={"associations": "Associations"})


def _scans(folder: Path) -> list[tuple[str, str, Path]]:
    """Kind, modality and folder of each scan without the subtype: those of expression are called by their kind alone.

    The kinds are in their order; of each, expression comes first and the others by name.
    """
    return [
        (kind, path.name.removeprefix(kind).removeprefix("-") or EXPRESSION, path)
        for kind in KINDS
        for path in sorted([folder / kind, *folder.glob(f"{kind}-*")])
        if path.is_dir() and not path.name.endswith(GIVEN)
    ]


def sentences(alone: WrittenScan, given: WrittenScan | None, phenotypes: str, tested: str) -> list[str]:
    """What was tested and found, and what of it stays once the subtype is known too."""
    said = [
        f"{len(alone.phenotypes)} {phenotypes} were tested against {len(alone.features):,} {tested} in {alone.n} "
        f"patients, given {_covariates(alone)}: {_found(alone)}."
    ]
    if given is not None:
        more = [name.partition("=")[0] for name in given.how["covariates"] if name not in alone.how["covariates"]]
        which = ", ".join(dict.fromkeys(more)) or "which adds nothing"
        stay = len(set(alone.hit_pairs()) & set(given.hit_pairs()))
        said.append(
            f"Given the subtype too ({which}; {given.n} patients): {_found(given)}; {stay} "
            f"{'hit is' if stay == 1 else 'hits are'} in both."
        )
    return said


def hit_rows(alone: WrittenScan, given: WrittenScan | None) -> list[dict[str, Any]]:
    """The SHOWN hits of smallest p with the same test given the subtype; its hits, where the first scan has none."""
    pairs = alone.hit_pairs() or (given.hit_pairs() if given else [])
    names = {feature: one.label or feature for feature, one in zip(alone.features, alone.about, strict=True)}
    return [
        {
            "phenotype": phenotype.replace("_", " "),
            "gene": names.get(feature, feature),
            "alone": _test(alone, phenotype, feature),
            "given": _test(given, phenotype, feature) if given else None,
        }
        for phenotype, feature in pairs[:SHOWN]
    ]


def inflation_rows(alone: WrittenScan, given: WrittenScan | None) -> list[dict[str, Any]]:
    """Hits and lambda of each phenotype of either scan."""
    tables = [scan.inflation.set_index("phenotype").to_dict("index") for scan in (alone, given) if scan]
    names = list(dict.fromkeys(str(name) for table in tables for name in table))
    return [{"phenotype": name.replace("_", " "), "scans": [table.get(name) for table in tables]} for name in names]


def r_of_one(scan: WrittenScan) -> float:
    """The |r| at which a single test passes Bonferroni's 5 % among all of the scan."""
    t = float(scipy.stats.t.isf(0.025 / scan.p.size, scan.df))
    return float(t / np.sqrt(t**2 + scan.df))


def _test(scan: WrittenScan, phenotype: str, feature: str) -> Mapping[str, float] | None:
    if phenotype not in scan.phenotypes or feature not in scan.features:
        return None
    at = scan.phenotypes.index(phenotype), scan.features.index(feature)
    return {name: float(getattr(scan, name)[at]) for name in ("r", "p", "q", "p_max")}


def _found(scan: WrittenScan) -> str:
    hits, sure = int(scan.hits.sum()), int((scan.p_max <= scan.fdr).sum())
    found = f"{hits or 'no'} {'test has' if hits == 1 else 'tests have'} q at most {scan.fdr:g}"
    return (
        found
        if not hits or np.isnan(scan.p_max).all()
        else f"{found}, {sure or 'none'} of them p_max at most {scan.fdr:g}"
    )


def _covariates(scan: WrittenScan) -> str:
    """The covariates by name, with the number of categories of each that has more than two."""
    counts = Counter(name.partition("=")[0] for name in scan.how["covariates"] if name != "intercept")
    named = [name if count == 1 else f"{name} ({count + 1} categories)" for name, count in counts.items()]
    return ", ".join(named).replace("age_years", "age") if named else "no covariate"
