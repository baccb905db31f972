"""NCI's gdc-client (github.com/NCI-GDC/gdc-client) downloads from the simulated archive."""

import hashlib
import subprocess
from pathlib import Path


def md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def download(program, archive, tmp_path, rows, *options):
    """Run a manifest download; the process and the folder that it filled."""
    folder, manifest = tmp_path / "downloads", tmp_path / "manifest.txt"
    folder.mkdir()
    columns = ("id", "file_name", "md5sum", "file_size", "state")
    lines = ["id\tfilename\tmd5\tsize\tstate", *("\t".join(str(row[name]) for name in columns) for row in rows)]
    manifest.write_text("\n".join(lines) + "\n")
    command = [program, "download", "--server", archive.url, "-m", manifest, "-d", folder, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout + done.stderr
    return done.stdout + done.stderr, folder


def assert_complete(folder, rows):
    for row in rows:
        assert md5_of(folder / row["id"] / row["file_name"]) == row["md5sum"]


def open_files(archive):
    return [hit for hit in archive.table("gdc/files.json") if hit["access"] == "open"]


def test_small_files_come_in_tars_with_the_archives_md5(gdc_client, archive, tmp_path):
    rows = open_files(archive)
    said, folder = download(gdc_client, archive, tmp_path, rows)
    assert_complete(folder, rows)
    assert f"Successfully downloaded: {len(rows)}" in said
    assert any(one.path.startswith("/data?tarfile") and one.status == 200 for one in archive.requests)


def test_files_above_its_chunk_size_come_by_ranges_with_their_annotations(gdc_client, archive, tmp_path):
    rows = [row for row in open_files(archive) if row["file_size"] > 20_000]
    said, folder = download(gdc_client, archive, tmp_path, rows, "--http-chunk-size", "20000", "-n", "4")
    assert_complete(folder, rows)
    assert "Unable to download annotations" not in said
    assert [one.status for one in archive.requests if one.method == "GET"].count(206) == len(rows)
    annotated = [row for row in rows if row.get("annotations")]
    assert annotated
    for row in annotated:
        (annotation,) = row["annotations"]
        assert annotation["annotation_id"] in (folder / row["id"] / "annotations.txt").read_text()


def test_a_superseded_file_comes_in_its_old_version_or_by_wish_in_its_latest(gdc_client, archive, tmp_path):
    old = next(row for row in archive.table("gdc/versions.json") if row["superseded"])
    said, folder = download(gdc_client, archive, tmp_path, [old])
    assert "was superseded by" in said
    assert_complete(folder, [old])
    latest = next(row for row in archive.table("gdc/versions.json") if row["id"] == old["latest_id"])
    again = tmp_path / "again"
    again.mkdir()
    _, folder = download(gdc_client, archive, again, [old], "--latest")
    assert_complete(folder, [latest])
