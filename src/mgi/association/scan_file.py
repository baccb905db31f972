"""A scan as it was written, for those who show it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.association.patient_table import About
from mgi.association.tables import ASSOCIATIONS, FILES
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.sidecar import verified
from mgi.shards.parquet import metadata_of, read_table

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class WrittenScan:
    """Tests of P phenotypes and F features, arrays (P, F); `p_max` is NaN without permutations.

    `about` says what is known of each feature, `how` how the scan was done; `inflation` is the table of phenotypes.
    """

    phenotypes: tuple[str, ...]
    features: tuple[str, ...]
    about: tuple[About, ...]
    n: int
    df: int
    beta: Floats
    r: Floats
    p: Floats
    q: Floats
    p_max: Floats
    how: Mapping[str, Any]
    inflation: pd.DataFrame

    @property
    def fdr(self) -> float:
        """False discovery rate of a hit."""
        return float(self.how["fdr"])

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Whether each test is a hit (P, F)."""
        return np.asarray(self.q <= self.fdr)

    def hit_pairs(self) -> list[tuple[str, str]]:
        """Phenotype and feature of each hit, the smallest p first."""
        rows = sorted(zip(*np.nonzero(self.hits), strict=True), key=lambda at: (self.p[at], at))
        return [(self.phenotypes[phenotype], self.features[feature]) for phenotype, feature in rows]


def read_scan(folder: Path) -> WrittenScan:
    """Read what `write_associations` wrote into a folder.

    Raises BadInputError where a file is missing, IntegrityError where one is damaged or of another scan.
    """
    path = folder / FILES[0]
    table = read_table(path, ASSOCIATIONS)
    if not len(table):
        raise BadInputError(f"{path}: no test, expected one at least")
    inflation = pd.read_csv(verified(folder / FILES[2]), sep="\t")
    phenotypes = tuple(dict.fromkeys(table["phenotype"].to_pylist()))
    n_features = len(table) // len(phenotypes)
    first = table.slice(0, n_features)
    if len(table) != len(phenotypes) * n_features or inflation["phenotype"].tolist() != list(phenotypes):
        raise IntegrityError(f"{path}: not every phenotype has a test of every feature; make the scan again")
    arrays = {
        name: table[name].to_numpy().astype(np.float64).reshape(len(phenotypes), n_features)
        for name in ("beta", "r", "p", "q", "p_max")
    }
    return WrittenScan(
        phenotypes=phenotypes,
        features=tuple(first["feature"].to_pylist()),
        about=tuple(map(About, *(first[name].to_pylist() for name in ("feature_name", "chromosome", "start")))),
        n=first["n"][0].as_py(),
        df=first["df"][0].as_py(),
        how=json.loads(metadata_of(table.schema, path, ["scan"])["scan"]),
        inflation=inflation,
        **arrays,
    )
