import json
import shutil
import zipfile

import pytest

from mgi.cli import main
from mgi.core.errors import ConfigError, IntegrityError
from resealed import reseal

TCIA = '{"source": "tcia", "min_images": 8, "retry_base_s": 0}'


@pytest.fixture
def lock(simulated_archive, tmp_path):
    path = tmp_path / "locks" / "images.json"
    options = ["--settings", TCIA, "--archive", str(simulated_archive), "--output", str(path)]
    assert main(["lock", "--modality", "flair", *options]) == 0
    return path


def fetch(archive, lock, target, batch="1-of-8"):
    options = ["--settings", TCIA, "--archive", str(archive), "--lock", str(lock), "--batch", batch]
    return main(["fetch", "--modality", "flair", *options, "--output", str(target)])


def test_a_batch_brings_whole_series_and_a_second_run_asks_for_nothing(simulated_archive, lock, tmp_path, asked):
    target = tmp_path / "raw" / "images" / "batch-1-of-8.json"
    assert fetch(simulated_archive, lock, target) == 0
    first = target.read_bytes()
    for entry in json.loads(first)["items"]:
        with zipfile.ZipFile(target.parent / entry["path"]) as archive:
            assert sum(name.endswith(".dcm") for name in archive.namelist()) == entry["metadata"]["n_images"]
        assert entry["role"] in ("flair", "mask")
    asked.clear()
    assert fetch(simulated_archive, lock, target) == 0
    assert asked == []
    assert target.read_bytes() == first
    assert b"127.0.0.1" not in first


def test_a_lock_of_the_real_archive_is_refused_unasked(simulated_archive, lock, tmp_path, capsys, asked):
    reseal(lock, {**json.loads(lock.read_text()), "simulated": False})
    asked.clear()
    assert fetch(simulated_archive, lock, tmp_path / "batch.json") == ConfigError.exit_code
    assert "flair lock: " in capsys.readouterr().err
    assert asked == []


def test_two_fresh_downloads_have_the_same_digests(simulated_archive, lock, tmp_path):
    for name in ("a", "b"):
        assert fetch(simulated_archive, lock, tmp_path / name / "batch.json") == 0
    assert (tmp_path / "a" / "batch.json").read_bytes() == (tmp_path / "b" / "batch.json").read_bytes()


def test_an_archive_that_loses_a_slice_is_never_a_smaller_series(simulated_archive, lock, tmp_path, capsys):
    broken = tmp_path / "broken"
    shutil.copytree(simulated_archive, broken)
    items = json.loads(lock.read_text())["items"]
    chosen = sorted((item for item in items if item["chosen"]), key=lambda item: (item["patient_id"], item["key"]))
    series = chosen[0]["key"]
    sorted((broken / "nbia" / "images" / series).iterdir())[0].unlink()
    target = tmp_path / "raw" / "batch.json"
    assert fetch(broken, lock, target) == IntegrityError.exit_code
    line = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("mgi"))
    assert f"series {series}" in line
    assert "(6 " in line
    assert not target.exists()
    assert not (target.parent / "series" / f"{series}.zip").exists()
    assert fetch(simulated_archive, lock, target) == 0


def test_a_kaggle_zip_is_checked_in_place(tmp_path, capsys):
    import io

    import numpy as np
    from PIL import Image

    folder, members = "TCGA_CS_4941_19960909", {}
    for n in (1, 2):
        for mask, shape in (("", (8, 8, 3)), ("_mask", (8, 8))):
            picture = io.BytesIO()
            Image.fromarray(np.zeros(shape, np.uint8)).save(picture, "TIFF")
            members[f"kaggle_3m/{folder}/{folder}_{n}{mask}.tif"] = picture.getvalue()
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    settings = json.dumps({"source": "kaggle", "archive": "elsewhere.zip"})
    table = ["--settings", settings, "--table", str(tmp_path / "mine.zip")]
    lock = tmp_path / "lock.json"
    assert main(["lock", "--modality", "flair", *table, "--output", str(lock)]) == 0
    options = ["--lock", str(lock), "--batch", "1-of-1", "--output", str(tmp_path / "b.json")]
    assert main(["fetch", "--modality", "flair", *table, *options]) == 0
    (entry,) = json.loads((tmp_path / "b.json").read_text())["items"]
    assert (entry["key"], entry["path"], entry["metadata"]["n_images"]) == (folder, None, 2)
    assert str(tmp_path) not in (tmp_path / "b.json").read_text() + lock.read_text()
