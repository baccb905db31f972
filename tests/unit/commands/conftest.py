"""A small simulated archive, written once, and a record of what the commands ask of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mgi.archive.server import serve
from mgi.commands import _ingestion
from mgi.simulation.archive import write_archive
from mgi.simulation.genes import draw_gene_table
from mgi.simulation.patients import SimulationSettings


@pytest.fixture(scope="session")
def simulated_archive(tmp_path_factory) -> Path:
    settings = SimulationSettings(
        seed=7, n_patients=16, n_genes=1200, slices_min=15, slices_max=15, pixels=32, genes_drive_images=True
    )
    folder = tmp_path_factory.mktemp("simulated") / "archive"
    write_archive(settings, draw_gene_table(settings.n_genes, settings.seed), folder)
    return folder


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The paths that commands ask of the simulated archive, in order."""
    paths: list[str] = []

    @contextmanager
    def recorded(folder: Path) -> Iterator[object]:
        with serve(folder) as service:
            yield service
        paths.extend(exchange.path for exchange in service.requests)

    monkeypatch.setattr(_ingestion, "serve", recorded)
    return paths
