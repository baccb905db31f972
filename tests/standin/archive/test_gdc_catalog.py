import pytest

from mgi_standin.archive.folder import read_archive
from mgi_standin.archive.gdc_catalog import asked_files, catalog_of, manifest_of, manifest_response
from mgi_standin.archive.response import RefusalError


def test_versions_name_the_latest_of_a_superseded_id(gdc):
    (row,) = gdc("GET", "/files/versions/old2").json()
    assert {key: row[key] for key in ("id", "version", "filename", "release", "state")} == {
        "id": "old2",
        "version": "1",
        "filename": "old2.FPKM.txt.gz",
        "release": "12.0",
        "state": "released",
    }
    assert {key: row[key] for key in ("latest_id", "latest_version", "latest_release", "latest_state")} == {
        "latest_id": "f02",
        "latest_version": "2",
        "latest_release": ["32.0"],
        "latest_state": "released",
    }
    assert {"md5", "size", "latest_filename", "latest_size", "latest_md5"} <= set(row)


def test_versions_can_be_posted_as_ids_or_as_a_manifest(gdc):
    by_get = gdc("GET", "/files/versions/old2,f01").json()
    assert [row["id"] for row in by_get] == ["old2", "f01"]
    assert gdc("POST", "/files/versions", json={"ids": ["old2", "f01"]}).json() == by_get
    manifest = "id\tfilename\tmd5\tsize\tstate\nold2\tx\tx\t1\tx\nf01\tx\tx\t1\tx\n"
    reply = gdc("POST", "/files/versions/manifest", data=manifest, headers={"Content-Type": "text/tsv"})
    assert reply.json() == by_get


def test_versions_leave_out_unknown_ids_unless_all_are(gdc):
    assert [row["id"] for row in gdc("GET", "/files/versions/f01,never").json()] == ["f01"]
    assert gdc("GET", "/files/versions/never").status_code == 404


@pytest.mark.parametrize("file_id", ["old2", "f02"])
def test_the_history_of_any_version_lists_all(gdc, file_id):
    rows = gdc("GET", f"/history/{file_id}").json()
    assert [(row["uuid"], row["version"], row["file_change"], row["data_release"]) for row in rows] == [
        ("old2", "1", "superseded", "12.0"),
        ("f02", "2", "released", "32.0"),
    ]
    assert {"release_date"} <= set(rows[0])


def test_the_history_of_an_unknown_id_is_a_404(gdc):
    assert gdc("GET", "/history/never").status_code == 404


def test_a_manifest_can_be_had_by_path_or_post(gdc):
    by_get = gdc("GET", "/manifest/f01,f02")
    assert by_get.text.splitlines()[0] == "id\tfilename\tmd5\tsize\tstate"
    assert [line.split("\t")[0] for line in by_get.text.splitlines()[1:]] == ["f01", "f02"]
    assert gdc("POST", "/manifest", json={"ids": ["f01", "f02"]}).text == by_get.text
    assert gdc("GET", "/manifest/never").status_code == 404


def test_the_catalog_joins_versions_and_searchable_files(archive_folder):
    catalog = catalog_of(read_archive(archive_folder))
    assert len(catalog) == 13
    assert catalog["old2"].superseded
    assert not catalog["f02"].superseded
    assert catalog["f01"].release == "32.0"
    assert catalog["f12"].controlled
    assert not catalog["old2"].controlled


def test_asked_files_keep_the_order_and_drop_repeats(archive_folder):
    catalog = catalog_of(read_archive(archive_folder))
    assert [file.file_id for file in asked_files(catalog, ["f03", "f01", "f03"])] == ["f03", "f01"]
    for ids, status in (([], 400), (["f01", "never"], 404)):
        with pytest.raises(RefusalError) as refusal:
            asked_files(catalog, ids)
        assert refusal.value.response.status == status


def test_a_manifest_response_is_an_attachment_of_its_text(archive_folder):
    files = asked_files(catalog_of(read_archive(archive_folder)), ["f01"])
    reply = manifest_response(files)
    assert reply.headers["Content-Disposition"] == "attachment; filename=gdc_manifest.txt"
    assert reply.body == manifest_of(files)
