import hashlib
import io
import json
import zipfile

import pytest

from mgi_standin.archive.folder import read_archive
from mgi_standin.archive.nbia_zip import series_zip

UID = "1.3.6.1.4.1.1"
STORED = ["00000003.dcm", "00000001.dcm", "00000002.dcm"]
SERIES = {"SeriesInstanceUID": UID, "Collection": "UPENN-GBM", "LicenseName": "CC BY 4.0"}


def opened(content):
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def zip_of(folder, **options):
    choices = {"new_names": False, "with_md5": True} | options
    return opened(b"".join(series_zip(read_archive(folder), SERIES, **choices)))


def test_an_image_request_streams_a_zip_without_a_length(nbia):
    reply = nbia("getImage", SeriesInstanceUID=UID)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{UID}.zip"'
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert not {"Content-Length", "Accept-Ranges", "ETag"} & set(reply.headers)
    assert opened(reply.content).namelist() == ["LICENSE", *STORED]


def test_a_range_is_not_honoured(gdc):
    path = f"/nbia-api/services/v4/getImage?SeriesInstanceUID={UID}"
    reply = gdc("GET", path, headers={"Range": "bytes=10-"})
    assert reply.status_code == 200
    assert opened(reply.content).namelist()[0] == "LICENSE"


def test_members_carry_data_descriptors_and_no_sizes_ahead(nbia):
    content = nbia("getImage", SeriesInstanceUID=UID).content
    assert content[:4] == b"PK\x03\x04"
    assert content[6] & 0x08  # bit 3: sizes follow the data
    assert content[14:26] == bytes(12)  # crc, compressed and plain size in the local header


@pytest.mark.parametrize(
    ("endpoint", "params"),
    [("getImage", {"IncludeMD5": "Yes"}), ("getImage", {"IncludeMD5": "yes"}), ("getImageWithMD5Hash", {})],
)
def test_digests_come_last_and_match(nbia, endpoint, params):
    archive = opened(nbia(endpoint, SeriesInstanceUID=UID, **params).content)
    assert archive.namelist() == ["LICENSE", *STORED, "md5hashes.csv"]
    header, *lines = archive.read("md5hashes.csv").decode().splitlines()
    assert header == "Filename,MD5Hash"
    told = dict(line.split(",") for line in lines)
    assert told == {name: hashlib.md5(archive.read(name)).hexdigest() for name in STORED}


def test_new_file_names_are_acquisition_and_instance(nbia):
    archive = opened(nbia("getImage", SeriesInstanceUID=UID, NewFileNames="Yes", IncludeMD5="Yes").content)
    assert archive.namelist() == ["LICENSE", "1-003.dcm", "1-001.dcm", "1-002.dcm", "md5hashes.csv"]
    assert archive.read("1-002.dcm") == f"{UID}/00000002.dcm".encode()
    assert archive.read("md5hashes.csv").decode().splitlines()[1].startswith("1-003.dcm,")


def test_a_missing_image_ends_a_valid_zip_early_without_digests(archive_folder):
    (archive_folder / "nbia" / "images" / UID / "00000001.dcm").unlink()
    assert zip_of(archive_folder).namelist() == ["LICENSE", "00000003.dcm"]


def test_a_null_digest_stops_right_after_its_image(archive_folder):
    table = archive_folder / "nbia" / "instances" / f"{UID}.json"
    rows = json.loads(table.read_text())
    rows[1]["md5"] = None
    table.write_text(json.dumps(rows))
    assert zip_of(archive_folder).namelist() == ["LICENSE", *STORED[:2]]
    assert zip_of(archive_folder, with_md5=False).namelist() == ["LICENSE", *STORED]


def test_the_licence_names_the_collection(archive_folder):
    assert b"UPENN-GBM" in zip_of(archive_folder).read("LICENSE")
