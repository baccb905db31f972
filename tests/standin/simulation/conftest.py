"""One small archive, written once for all tests that read it."""

from pathlib import Path

import pandas as pd
import pytest

from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.genes import draw_gene_table
from mgi_standin.simulation.settings import SimulationSettings


@pytest.fixture(scope="session")
def cohort_settings() -> SimulationSettings:
    return SimulationSettings(
        seed=3, n_patients=40, n_genes=800, slices_min=6, slices_max=8, pixels=32, genes_drive_images=True
    )


@pytest.fixture(scope="session")
def gene_table(cohort_settings: SimulationSettings) -> pd.DataFrame:
    return draw_gene_table(cohort_settings.n_genes, cohort_settings.seed)


@pytest.fixture(scope="session")
def archive(cohort_settings: SimulationSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_archive(cohort_settings, folder)
    return folder
