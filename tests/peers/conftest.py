"""Software that was not written with mgi, and a simulated archive with all its exceptions that serves it.

These tests run only where a peer is installed and named in the environment; docs/explanation/peers.md says how.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mgi_standin.archive.server import Exchange, serve
from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import SimulationSettings

SETTINGS = SimulationSettings(
    seed=3, n_patients=40, n_genes=800, slices_min=6, slices_max=8, pixels=32, genes_drive_images=True
)


@dataclass(frozen=True)
class Served:
    """The archive's folder, its address, and what was asked of it."""

    folder: Path
    url: str
    requests: list[Exchange]

    def table(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads((self.folder / name).read_text())
        return rows


@pytest.fixture(scope="session")
def archive_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_archive(SETTINGS, folder)
    return folder


@pytest.fixture
def archive(archive_folder: Path) -> Iterator[Served]:
    with serve(archive_folder) as service:
        yield Served(archive_folder, service.url, service.requests)


def peer(variable: str) -> str:
    """Where a peer is installed; skips the test where nobody says."""
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set; docs/explanation/peers.md says how to install the peer")
    path = os.environ[variable]
    assert Path(path).is_file(), f"{variable}: no file {path}"
    return path


@pytest.fixture(scope="session")
def gdc_client() -> str:
    return peer("MGI_PEER_GDC_CLIENT")


@pytest.fixture(scope="session")
def tcia_python() -> str:
    return peer("MGI_PEER_TCIA_UTILS")


@pytest.fixture(scope="session")
def nnunet_fingerprint() -> str:
    return peer("MGI_PEER_NNUNET")
