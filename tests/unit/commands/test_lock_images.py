import json

import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, ConfigError, NetworkError

TCIA = '{"source": "tcia", "min_images": 8, "retry_base_s": 0}'


def lock(simulated_archive, target, settings=TCIA):
    archive = ["--archive", str(simulated_archive)] if simulated_archive else []
    return main(["lock", "--modality", "flair", "--settings", settings, "--output", str(target), *archive])


def test_a_simulated_collection_is_locked_twice_to_the_same_bytes(simulated_archive, tmp_path, capsys):
    assert lock(simulated_archive, tmp_path / "a.json") == 0
    assert lock(simulated_archive, tmp_path / "b.json") == 0
    text = (tmp_path / "a.json").read_text()
    assert text == (tmp_path / "b.json").read_text()
    assert "127.0.0.1" not in text
    found = json.loads(text)
    assert (found["modality"], found["source"], found["collection"], found["simulated"]) == (
        "flair",
        "tcia",
        "TCGA-LGG",
        True,
    )
    chosen = [item for item in found["items"] if item["chosen"]]
    flair = [item["patient_id"] for item in chosen if item["role"] == "flair"]
    assert len(flair) == len(set(flair)) >= 10
    assert all(item["metadata"]["modality"] == ("SEG" if item["role"] == "mask" else "MR") for item in chosen)
    assert all("T1" not in item["metadata"]["description"] for item in chosen if item["role"] == "flair")
    assert all(item["reason"] for item in found["items"])
    assert "mask series chosen" in capsys.readouterr().out


def test_counts_and_dates_of_the_lock_are_those_of_the_archive(simulated_archive, tmp_path):
    assert lock(simulated_archive, tmp_path / "a.json") == 0
    rows = {row["SeriesInstanceUID"]: row for row in json.loads((simulated_archive / "nbia/series.json").read_text())}
    for item in json.loads((tmp_path / "a.json").read_text())["items"]:
        assert rows[item["key"]]["ImageCount"] == item["metadata"]["n_images"]
        assert rows[item["key"]]["StudyDate"] == item["metadata"]["study_date"]  # the service writes it month first


def test_a_committed_lock_is_followed_without_asking_any_service(simulated_archive, tmp_path):
    assert lock(simulated_archive, tmp_path / "a.json") == 0
    settings = json.dumps({"source": "tcia", "lock": str(tmp_path / "a.json"), "base_url": "http://127.0.0.1:9"})
    assert lock(None, tmp_path / "b.json", settings) == 0
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


def test_a_collection_that_is_not_visible_says_where_it_went(simulated_archive, tmp_path, capsys):
    settings = '{"source": "tcia", "collection": "TCGA-GBM", "retry_base_s": 0}'
    assert lock(simulated_archive, tmp_path / "a.json", settings) == NetworkError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert "phs004225" in line
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and then nothing"])
def test_an_absent_or_broken_zip_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "mine.zip"
    if content is not None:
        path.write_bytes(content)
    code = lock(None, tmp_path / "a.json", json.dumps({"source": "kaggle", "archive": str(path)}))
    assert code == (ConfigError.exit_code if content is None else BadInputError.exit_code)
    (line,) = capsys.readouterr().err.splitlines()
    assert "mateuszbuda/lgg-mri-segmentation" in line
