import json
from pathlib import Path

import pandas as pd
import pytest

from mgi.cli import main
from mgi.core.errors import NetworkError
from mgi.modalities.rna.positions import read_positions

GTF = json.dumps({"file_id": "be002a2c-3b27-43f3-9e0f-fd47db92a6b5", "md5": "c03931958d4572148650d62eb6dec41a"})


def positions(archive: Path, folder: Path, gtf: str = GTF) -> int:
    options = ["--settings", '{"retry_base_s": 0}', "--gtf", gtf, "--archive", str(archive)]
    return main(["gene-positions", *options, "--folder", str(folder / "raw"), "--output", str(folder / "p.tsv")])


def test_the_archives_annotation_places_every_gene(simulated_archive: Path, tmp_path: Path) -> None:
    assert positions(simulated_archive, tmp_path) == 0
    found = read_positions(tmp_path / "p.tsv").set_index("gene_id")
    genes = pd.read_csv(simulated_archive / "genes.tsv", sep="\t").set_index("gene_id")
    assert found["start"].to_dict() == genes["start"].to_dict()
    assert found["chromosome"].to_dict() == genes["chromosome"].to_dict()


def test_a_second_run_downloads_nothing_and_writes_the_same(
    simulated_archive: Path, tmp_path: Path, asked: list[str]
) -> None:
    assert positions(simulated_archive, tmp_path) == 0
    assert sum("/data/" in path for path in asked) == 1
    first = (tmp_path / "p.tsv").read_bytes()
    asked.clear()
    assert positions(simulated_archive, tmp_path) == 0
    assert not any("/data/" in path for path in asked)
    assert (tmp_path / "p.tsv").read_bytes() == first
    assert len(list((tmp_path / "raw").iterdir())) == 1


def test_no_search_finds_the_annotation(simulated_archive: Path) -> None:
    listed = json.loads((simulated_archive / "gdc/files.json").read_text())
    assert json.loads(GTF)["file_id"] not in {hit["id"] for hit in listed}


def test_an_annotation_that_the_archive_does_not_have_is_named(
    simulated_archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = json.dumps({"file_id": "00000000-0000-0000-0000-000000000000", "md5": "0" * 32})
    assert positions(simulated_archive, tmp_path, other) == NetworkError.exit_code
    assert "00000000-0000-0000-0000-000000000000" in capsys.readouterr().err
    assert not (tmp_path / "p.tsv").exists()
