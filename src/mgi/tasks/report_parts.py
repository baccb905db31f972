"""What a task's part of the report is made from, and what it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd


@dataclass(frozen=True, kw_only=True)
class ReportInput:
    """What a report's section is made from: tables of this task alone, and the files that it may show pixels of.

    `unpaired` counts those scored without expression alone, `sites` has the hospital of each patient, `voxel_ml` the
    volume of a voxel in mL of each patient whose images have a geometry.
    """

    results: pd.DataFrame
    no_genes: pd.DataFrame
    tests: pd.DataFrame
    patients: pd.DataFrame
    headline: str
    simulated: bool
    unpaired: int
    predictions: Sequence[Path]
    image_shard: Path
    leaky: pd.DataFrame | None = None
    sites: Mapping[str, str] = field(default_factory=dict)
    voxel_ml: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A task's part of the report as HTML, its figures by name (`data:` addresses), and links to its headings.

    `title` is that of the page, `test` says how p values are made, and `of_cohort` that no patient has a score alone.
    """

    html: str
    figures: Mapping[str, str | None]
    links: Mapping[str, str]
    notes: Sequence[str] = ()
    title: str = "Glioma segmentation with genes and images"
    test: str = "Wilcoxon's signed-rank test on paired patients"
    of_cohort: bool = False
