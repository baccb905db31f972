import json
import shutil

import pytest

from mgi_standin.archive.folder import ArchiveNotReadyError, read_archive


def test_tables_keep_their_order_and_paths_lie_in_the_folder(archive_folder):
    archive = read_archive(archive_folder)
    assert [row["id"] for row in archive.files][:2] == ["f01", "f02"]
    assert archive.data_path("f01").read_bytes().startswith(b"# gene-model")
    assert archive.image_path("1.3.6.1.4.1.1", "00000002.dcm").is_file()
    assert [row["file"] for row in archive.instances("1.3.6.1.4.1.1")] == [
        "00000003.dcm",
        "00000001.dcm",
        "00000002.dcm",
    ]


@pytest.mark.parametrize("name", ["archive.json", "gdc/files.json", "nbia/series.json"])
def test_a_missing_table_is_named(archive_folder, name):
    (archive_folder / name).unlink()
    with pytest.raises(ArchiveNotReadyError, match=f"archive/{name} .*missing"):
        read_archive(archive_folder)


def test_a_table_that_is_not_json_or_not_a_list_is_named(archive_folder):
    table = archive_folder / "gdc" / "files.json"
    table.write_text("{")
    with pytest.raises(ArchiveNotReadyError, match=r"gdc/files\.json: .*JSON"):
        read_archive(archive_folder)
    table.write_text(json.dumps({}))
    with pytest.raises(ArchiveNotReadyError, match=r"gdc/files\.json: .*dict.*list"):
        read_archive(archive_folder)


def test_a_folder_may_have_one_service_only(archive_folder):
    shutil.rmtree(archive_folder / "nbia")
    assert read_archive(archive_folder).series == []
