import gzip
import hashlib
import io
import re
import tarfile

import pytest

from mgi_standin.archive.folder import read_archive
from mgi_standin.archive.gdc_files import allowed_files, bare_file, catalog_of, tar_of_files
from mgi_standin.archive.response import RefusalError

F01 = b"# gene-model: GENCODE v36\nf01\n" * 3


def members(content, mode):
    with tarfile.open(fileobj=io.BytesIO(content), mode=mode) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}


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


def test_versions_can_be_asked_for_by_path_or_post(gdc):
    by_get = gdc("GET", "/files/versions/old2,f01").json()
    assert [row["id"] for row in by_get] == ["old2", "f01"]
    assert gdc("POST", "/files/versions", json={"ids": ["old2", "f01"]}).json() == by_get


def test_versions_leave_out_unknown_ids_unless_all_are(gdc):
    assert [row["id"] for row in gdc("GET", "/files/versions/f01,never").json()] == ["f01"]
    assert gdc("GET", "/files/versions/never").status_code == 404


def test_the_catalog_joins_versions_and_searchable_files(archive_folder):
    catalog = catalog_of(read_archive(archive_folder))
    assert len(catalog) == 13
    assert catalog["old2"].latest_id == catalog["f02"].latest_id == "f02"
    assert catalog["f01"].release == "32.0"
    assert catalog["f12"].controlled
    assert not catalog["old2"].controlled


def test_one_file_comes_whole_with_length_name_and_hexadecimal_md5(gdc):
    reply = gdc("GET", "/data/f01")
    assert reply.content == F01
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert reply.headers["Content-Disposition"] == "attachment; filename=f01.rna_seq.augmented_star_gene_counts.tsv"
    assert reply.headers["Content-Length"] == "90"
    assert reply.headers["Content-MD5"] == hashlib.md5(F01).hexdigest()


@pytest.mark.parametrize(
    ("asked", "expected", "content_range"),
    [
        ("bytes=0-9", F01[:10], "bytes 0-9/90"),
        ("bytes=80-", F01[80:], "bytes 80-89/90"),
        ("bytes=80-500", F01[80:], "bytes 80-89/90"),
        ("bytes=89-89", F01[-1:], "bytes 89-89/90"),
    ],
)
def test_a_range_is_a_206_with_those_bytes(gdc, asked, expected, content_range):
    reply = gdc("GET", "/data/f01", headers={"Range": asked})
    assert reply.status_code == 206
    assert reply.content == expected
    assert reply.headers["Content-Range"] == content_range
    assert reply.headers["Content-Length"] == str(len(expected))


@pytest.mark.parametrize("asked", ["bytes=90-", "bytes=90-99"])
def test_a_range_past_the_end_is_a_416(gdc, asked):
    reply = gdc("GET", "/data/f01", headers={"Range": asked})
    assert reply.status_code == 416
    assert reply.headers["Content-Range"] == "bytes */90"


@pytest.mark.parametrize("asked", ["lines=0-1", "bytes=5-2", "bytes=-", "bytes=0-1,4-5", "bytes=-7"])
def test_what_is_not_one_range_with_a_start_is_ignored(gdc, asked):
    reply = gdc("GET", "/data/f01", headers={"Range": asked})
    assert (reply.status_code, reply.content) == (200, F01)


def test_controlled_is_403_and_unknown_is_404_both_as_json(gdc):
    forbidden, unknown = gdc("GET", "/data/f12"), gdc("GET", "/data/never")
    assert (forbidden.status_code, unknown.status_code) == (403, 404)
    assert "f12" in forbidden.json()["message"]
    assert unknown.json() == {"message": "never not found"}


def test_any_token_is_refused_with_the_same_text_twice(gdc):
    reply = gdc("GET", "/data/f01", headers={"X-Auth-Token": "expired"})
    assert reply.status_code == 403
    assert reply.json()["error"] == reply.json()["message"]


def test_a_superseded_file_can_still_be_downloaded(gdc):
    assert gdc("GET", "/data/old2").content == b"# gene-model: GENCODE v36\nold2\n" * 3


def test_several_files_are_a_gzipped_tar_without_a_length(gdc):
    reply = gdc("GET", "/data/f01,f02")
    assert "Content-Length" not in reply.headers
    assert "Content-MD5" not in reply.headers
    assert reply.headers["Transfer-Encoding"] == "chunked"
    disposition = r"attachment; filename=gdc_download_\d{8}_\d{6}\.\d{6}\.tar\.gz"
    assert re.fullmatch(disposition, reply.headers["Content-Disposition"])
    found = members(reply.content, "r:gz")
    assert list(found) == [
        "MANIFEST.txt",
        "f01/f01.rna_seq.augmented_star_gene_counts.tsv",
        "f02/f02.rna_seq.augmented_star_gene_counts.tsv",
    ]
    assert found["f01/f01.rna_seq.augmented_star_gene_counts.tsv"] == F01
    assert found["MANIFEST.txt"].startswith(b"id\tfilename\tmd5\tsize\tstate\nf01\t")


def test_posted_ids_keep_their_order_and_repeats_are_dropped(gdc):
    reply = gdc("POST", "/data", json={"ids": ["f03", "f01", "f03"]})
    assert [name.partition("/")[0] for name in members(reply.content, "r:gz")] == ["MANIFEST.txt", "f03", "f01"]


def test_a_post_of_one_id_is_the_bare_file(gdc):
    reply = gdc("POST", "/data", json={"ids": ["f01"]})
    assert reply.content == F01
    assert "Content-MD5" in reply.headers


def test_a_tarfile_of_one_file_is_a_tar_as_gdc_client_expects(gdc):
    reply = gdc("POST", "/data?tarfile", json={"ids": ["f01"]})
    assert set(members(reply.content, "r:")) == {"MANIFEST.txt", "f01/f01.rna_seq.augmented_star_gene_counts.tsv"}


def test_tarfile_is_a_plain_tar_and_compress_gzips_even_one(gdc):
    plain = gdc("POST", "/data?tarfile", json={"ids": ["f01", "f03"]})
    assert plain.headers["Content-Disposition"].endswith(".tar")
    assert len(members(plain.content, "r:")) == 3
    assert len(members(gdc("GET", "/data/f01?compress").content, "r:gz")) == 2
    assert gdc("GET", "/data/f01?compress=false").content == F01


def test_one_forbidden_id_refuses_the_whole_batch(gdc):
    reply = gdc("POST", "/data", json={"ids": ["f01", "f12", "f02"]})
    assert reply.status_code == 403
    assert "f12" in reply.json()["message"]


def test_an_unknown_id_in_a_batch_is_404_and_no_ids_are_400(gdc):
    assert gdc("POST", "/data", json={"ids": ["f01", "never"]}).status_code == 404
    assert gdc("POST", "/data", json={"ids": []}).status_code == 400
    assert gdc("POST", "/data", data=b"nonsense").status_code == 400


def test_a_file_without_stored_bytes_is_named(archive_folder):
    (archive_folder / "gdc" / "data" / "f01").unlink()
    archive = read_archive(archive_folder)
    with pytest.raises(RefusalError) as refusal:
        allowed_files(archive, catalog_of(archive), ["f02", "f01"])
    assert refusal.value.response.status == 404
    assert b"data of f01 not found" in refusal.value.response.body


def test_bodies_are_streamed_and_not_read_ahead(archive_folder):
    archive = read_archive(archive_folder)
    files = allowed_files(archive, catalog_of(archive), ["f01", "f03"])
    assert b"".join(bare_file(archive, files[0], None).body) == F01
    plain = b"".join(tar_of_files(archive, files, compressed=False).body)
    packed = b"".join(tar_of_files(archive, files, compressed=True).body)
    assert members(gzip.decompress(packed), "r:") == members(plain, "r:")


def test_annotations_asked_for_by_their_ids_come_as_one_table_in_a_tar(gdc):
    reply = gdc("POST", "/data?compress", json={"ids": ["a1"]})
    assert reply.status_code == 200
    found = members(reply.content, "r:gz")
    assert list(found) == ["annotations.txt"]
    header, row = found["annotations.txt"].decode().splitlines()
    assert dict(zip(header.split("\t"), row.split("\t"), strict=True))["category"] == "Item flagged DNU"
    assert gdc("POST", "/data?compress", json={"ids": ["a1", "never"]}).status_code == 404
