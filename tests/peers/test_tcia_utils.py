"""TCIA's tcia_utils (PyPI) downloads from the simulated archive."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("tcia_download.py")
COLLECTION = "TCGA-LGG"


@pytest.mark.parametrize("digests", ["y", ""], ids=["with md5 hashes", "renamed"])
def test_every_image_of_every_visible_series_arrives_with_the_archives_md5(tcia_python, archive, tmp_path, digests):
    folder = tmp_path / "series"
    url = f"{archive.url}/nbia-api/services/v4/"
    command = [tcia_python, DRIVER, url, folder, COLLECTION, digests]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ":ERROR:" not in done.stderr
    visible = {row["SeriesInstanceUID"]: row for row in archive.table("nbia/series.json") if row["access"] == "public"}
    told = json.loads(done.stdout.splitlines()[-1])
    assert sorted(told) == sorted(visible)
    assert {uid: int(count) for uid, count in told.items()} == {uid: row["ImageCount"] for uid, row in visible.items()}
    for uid in visible:
        found = {path.name: path.read_bytes() for path in (folder / uid).glob("*.dcm")}
        images = archive.table(f"nbia/instances/{uid}.json")
        expected = sorted(image["md5"] for image in images)
        assert sorted(hashlib.md5(content, usedforsecurity=False).hexdigest() for content in found.values()) == expected
        assert (folder / uid / "md5hashes.csv").exists() == (digests == "y")
        if digests == "y":
            assert sorted(found) == sorted(image["file"] for image in images)
