import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.files import sha256_of
from mgi_standin.errors import ConfigError, ResourceError
from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.cohort import gene_model_of
from mgi_standin.simulation.settings import SimulationSettings

SMALL = SimulationSettings(
    seed=5, n_patients=12, n_genes=800, slices_min=5, slices_max=6, pixels=24, genes_drive_images=True
)


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256_of(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    write_archive(SMALL, folder)
    return folder


def test_the_folder_has_the_agreed_layout(small):
    assert {path.name for path in small.iterdir()} == {
        "archive.json", "genes.tsv", "labels.tsv", "latent_factors.gmt", "SIMULATED.txt", "gdc", "nbia",
    }  # fmt: skip
    assert {path.name for path in (small / "gdc").iterdir()} == {
        "status.json", "files.json", "annotations.json", "versions.json", "cases.json", "data",
    }  # fmt: skip
    assert {path.name for path in (small / "nbia").iterdir()} == {
        "series.json", "patients.json", "studies.json", "instances", "images",
    }  # fmt: skip


def test_the_gene_sets_are_the_genes_that_each_latent_factor_moves(small):
    lines = [line.split("\t") for line in (small / "latent_factors.gmt").read_text().splitlines()]
    members = {name: set(genes) for name, _, *genes in lines}
    model = gene_model_of(SMALL)
    assert {name: len(genes) for name, genes in members.items()} == {
        name: np.count_nonzero(loadings) for name, loadings in model.loadings.items()
    }
    known = pd.read_csv(small / "genes.tsv", sep="\t")["gene_id"].to_numpy()
    assert members["size"] == set(known[model.loadings["size"] != 0])
    assert not members["side"] & members["size"]


def test_archive_json_says_simulated_and_with_which_settings(small):
    described = json.loads((small / "archive.json").read_text())
    assert described["simulated"] is True
    assert described["format"] == 1
    assert (described["seed"], described["n_patients"]) == (5, 12)


def test_the_same_settings_give_the_same_bytes_over_whatever_was_there(small, tmp_path):
    write_archive(replace(SMALL, n_patients=4, seed=6), tmp_path)
    (tmp_path / "gdc" / "data" / "stale").write_text("left over")
    write_archive(SMALL, tmp_path)
    assert digests(tmp_path) == digests(small)


def test_an_interrupted_run_leaves_no_archive_json_and_can_be_repeated(tmp_path):
    few = replace(SMALL, n_patients=4)
    write_archive(few, tmp_path)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_archive(few, tmp_path, stop)
    assert not (tmp_path / "archive.json").exists()
    write_archive(few, tmp_path)
    assert (tmp_path / "archive.json").exists()


def test_progress_is_told_every_patient(tmp_path):
    told = []
    write_archive(replace(SMALL, n_patients=4), tmp_path, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "gdc").mkdir()
    (tmp_path / "gdc" / "precious").write_text("data")
    with pytest.raises(ResourceError, match=r"/gdc: .*simulated"):
        write_archive(SMALL, tmp_path)
    assert (tmp_path / "gdc" / "precious").read_text() == "data"


def test_too_few_genes_are_a_fault_of_the_settings(tmp_path):
    with pytest.raises(ConfigError, match=r"100 genes .*750"):
        write_archive(replace(SMALL, n_genes=100), tmp_path)
    assert not (tmp_path / "archive.json").exists()
