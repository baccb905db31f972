"""One archive with all kinds of data, written once for the tests of this folder."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import OMICS, SimulationSettings

SETTINGS = SimulationSettings(
    seed=7,
    n_patients=36,
    n_genes=800,
    slices_min=3,
    slices_max=3,
    pixels=16,
    genes_drive_images=True,
    omics=OMICS,
    missing={"cn": 0.1, "rppa": 0.25},
)


@pytest.fixture(scope="session")
def omics_settings() -> SimulationSettings:
    return SETTINGS


@pytest.fixture(scope="session")
def omics_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("omics")
    write_archive(SETTINGS, folder)
    return folder


@pytest.fixture(scope="session")
def truth(omics_archive: Path) -> pd.DataFrame:
    return pd.read_csv(omics_archive / "oracles.tsv", sep="\t", index_col="patient_id")


@pytest.fixture(scope="session")
def hits(omics_archive: Path) -> list[dict[str, Any]]:
    return json.loads((omics_archive / "gdc" / "files.json").read_text())
