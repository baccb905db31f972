"""A series is verified as its zip arrives: its images, their digests and what each of them claims."""

import io
import zipfile

import pytest

from mgi.core.errors import IntegrityError, ResourceError
from mgi.core.files import sha256_of
from mgi.http.retry import TransientError
from mgi.modalities.flair import dicom_file
from mgi.modalities.flair.sources import dicom_check
from mgi.modalities.flair.sources.dicom_check import read_files, verify_series
from scripted_server import DICOM_SERIES

UIDS = ["1.2.3", "1.2.4", "1.2.5"]


@pytest.fixture
def members(dicom_slice):
    return {f"0000000{n}.dcm": dicom_slice(uid) for n, uid in enumerate(UIDS)}


def verify(tmp_path, content, uids=UIDS, role="flair"):
    path = tmp_path / "s.zip.part"
    path.write_bytes(content)
    return verify_series(path, series=DICOM_SERIES, role=role, sop_uids=uids)


def test_a_whole_series_is_summarised(tmp_path, members, zip_of):
    found = verify(tmp_path, zip_of(members))
    assert (found.n_images, found.fault) == (3, None)
    assert found.sha256 == sha256_of(tmp_path / "s.zip.part")
    assert found.size == (tmp_path / "s.zip.part").stat().st_size
    assert found.tags == {
        "ScanningSequence": ["SE", "IR"],
        "InversionTime": 2200.0,
        "EchoTime": 120.0,
        "RepetitionTime": 9000.0,
        "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    }


def test_a_missing_slice_is_noticed_although_the_zip_is_valid(tmp_path, members, zip_of):
    del members["00000001.dcm"]
    with pytest.raises(TransientError, match=r"series 1\.2\.840\.7: 2 .*3 .*lock"):
        verify(tmp_path, zip_of(members))


def test_a_slice_of_another_series_is_noticed(tmp_path, members, zip_of):
    with pytest.raises(TransientError, match=r"series 1\.2\.840\.7: 2 of 3 .*SOPInstanceUID"):
        verify(tmp_path, zip_of(members), uids=["1.2.3", "1.2.4", "9.9"])


def test_a_zip_without_digests_is_a_zip_that_stopped_half_way(tmp_path, members, zip_of):
    with pytest.raises(TransientError, match=r"series 1\.2\.840\.7: no md5hashes\.csv"):
        verify(tmp_path, zip_of(members, md5=False))


def test_an_image_that_the_digests_do_not_list_is_noticed(tmp_path, members, zip_of):
    content = zip_of({**members, "md5hashes.csv": b"Filename,MD5Hash\n00000000.dcm,aa\n"}, md5=False)
    with pytest.raises(TransientError, match=r"series 1\.2\.840\.7: md5hashes\.csv .*00000001\.dcm.*2 "):
        verify(tmp_path, content)


def test_a_short_slice_with_a_valid_checksum_is_noticed(tmp_path, members, zip_of):
    whole = zip_of(members)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        digests = archive.read("md5hashes.csv")
    members["00000002.dcm"] = members["00000002.dcm"][:-8]
    with pytest.raises(TransientError, match=r"series 1\.2\.840\.7: .*00000002\.dcm .*md5"):
        verify(tmp_path, zip_of({**members, "md5hashes.csv": digests}, md5=False))


def test_a_slice_that_the_archive_itself_holds_cut_is_a_fault_of_the_content(tmp_path, members, zip_of):
    members["00000002.dcm"] = members["00000002.dcm"][:-8]
    assert verify(tmp_path, zip_of(members)).fault == "image 00000002.dcm: PixelData: 24 bytes, expected 32"


def test_a_mask_is_read_as_a_segmentation(tmp_path, dicom_slice, zip_of):
    content = zip_of({"1.dcm": dicom_slice("1.2.3", Modality="SEG")})
    fault = verify(tmp_path, content, uids=["1.2.3"], role="mask").fault
    assert fault == "image 1.dcm: SegmentationType missing, expected BINARY or FRACTIONAL"


def test_an_image_that_claims_gigabytes_is_not_decoded(tmp_path, dicom_slice, zip_of):
    bomb = dicom_slice("1.2.3", Rows=60_000, Columns=60_000)
    found = verify(tmp_path, zip_of({"1.dcm": bomb}), uids=["1.2.3"])
    assert found.fault == ("image 1.dcm: Rows x Columns x Frames 60000 x 60000 x 1, expected at most 128 MB of pixels")


def test_a_deflated_image_is_refused_before_it_is_inflated(tmp_path, dicom_slice, zip_of):
    content = dicom_slice("1.2.3").replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    start = content.index(b"\x02\x00\x10\x00UI") + 6
    content = content[:start] + (22).to_bytes(2, "little") + content[start + 2 :]
    with pytest.raises(IntegrityError, match=r"series 1\.2\.840\.7: .*1\.dcm: TransferSyntaxUID Deflated"):
        verify(tmp_path, zip_of({"1.dcm": content}), uids=["1.2.3"])


def test_a_member_that_is_no_dicom_is_named(tmp_path, zip_of):
    with pytest.raises(IntegrityError, match=r"series 1\.2\.840\.7: .*1\.dcm: .*expected DICOM"):
        verify(tmp_path, zip_of({"1.dcm": b"hello" * 50}), uids=["1.2.3"])


def test_empty_and_malformed_tags_are_left_out(tmp_path, dicom_slice, zip_of):
    content = dicom_slice("1.2.3", EchoTime=None, InversionTime="")
    tags = verify(tmp_path, zip_of({"1.dcm": content}), uids=["1.2.3"]).tags
    assert "EchoTime" not in tags
    assert "InversionTime" not in tags


@pytest.mark.parametrize("keep", [0, 30, 0.5, 0.99])
def test_a_cut_zip_may_be_better_next_time(tmp_path, members, zip_of, keep):
    whole = zip_of(members)
    length = keep if keep in (0, 30) else int(len(whole) * keep)
    with pytest.raises(TransientError, match=r"series 1\.2\.840\.7: truncated"):
        verify(tmp_path, whole[:length])


def test_a_broken_checksum_may_be_better_next_time(tmp_path, members, zip_of):
    whole = bytearray(zip_of(members))
    whole[whole.index(b"LICENSE") + 200] ^= 0xFF
    with pytest.raises((TransientError, IntegrityError)):
        verify(tmp_path, bytes(whole))


@pytest.mark.parametrize("name", ["../../evil.dcm", "/etc/evil.dcm", "folder/1.dcm", "..\\evil.dcm"])
def test_a_name_with_a_path_is_refused(tmp_path, zip_of, name):
    with pytest.raises(IntegrityError, match=r"series 1\.2\.840\.7: member '.*\.dcm': .*bare"):
        verify(tmp_path, zip_of({name: b"x"}))


def test_a_member_cannot_unpack_to_more_than_it_claims(tmp_path, dicom_slice, zip_of):
    content = bytearray(zip_of({"1.dcm": dicom_slice("1.2.3")}))
    claimed = content.index(b"1.dcm", content.index(b"PK\x01\x02")) - 22
    content[claimed : claimed + 4] = (100).to_bytes(4, "little")
    with pytest.raises(TransientError, match=r"series 1\.2\.840\.7: member '1\.dcm' .*101.*100"):
        verify(tmp_path, bytes(content), uids=["1.2.3"])


def test_a_missing_decoder_stops_the_fetch_and_blames_no_image(tmp_path, members, zip_of, monkeypatch):
    def missing(syntax, where):
        raise ResourceError(f"{where}: no decoder installed")

    monkeypatch.setattr(dicom_file, "read_plain", lambda *_: None)
    monkeypatch.setattr(dicom_file, "require_decoder", missing)
    with pytest.raises(ResourceError, match=r"series 1\.2\.840\.7: .*0000000\d\.dcm: .*decoder"):
        verify(tmp_path, zip_of(members))


def test_a_syntax_that_nothing_reads_is_a_fault_of_the_content(tmp_path, dicom_slice, zip_of):
    content = dicom_slice("1.2.3").replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.100\0")
    start = content.index(b"\x02\x00\x10\x00UI") + 6
    content = content[:start] + (24).to_bytes(2, "little") + content[start + 2 :]
    fault = verify(tmp_path, zip_of({"1.dcm": content}), uids=["1.2.3"]).fault
    assert fault.startswith("image 1.dcm: TransferSyntaxUID MPEG2")


def test_a_plain_image_is_never_parsed_by_pydicom(tmp_path, members, zip_of, monkeypatch):
    monkeypatch.setattr(dicom_file, "read_elements", lambda *_: pytest.fail("parsed"))
    assert verify(tmp_path, zip_of(members)).fault is None


def test_a_huge_series_is_left_to_the_shard(tmp_path, dicom_slice, zip_of, monkeypatch):
    crooked = {f"{n}.dcm": dicom_slice(uid, ImagePositionPatient=[0, 0, n * n]) for n, uid in enumerate(UIDS)}
    assert verify(tmp_path, zip_of(crooked)).disorder is not None
    monkeypatch.setattr(dicom_check, "MAX_HELD_BYTES", 10)
    assert verify(tmp_path, zip_of(crooked)).disorder is None
    monkeypatch.setattr(dicom_check, "MAX_VOLUME_BYTES", 100)
    assert verify(tmp_path, zip_of(crooked)).fault == "more than 100 bytes of voxels"


def test_a_checked_file_holds_a_share_of_a_large_image(dicom_slice):
    files = [("a", dicom_slice(UIDS[0], Rows=n, Columns=32, PixelData=bytes(n * 64))) for n in (64, 128, 600)]
    held = [read_files([file], series=DICOM_SERIES, role="flair")[0].slices[0].stored for file in files]
    assert [stored.shape for stored in held] == [(64, 32), (128, 32), (150, 32)]
    assert all(stored.base is None for stored in held)  # nothing holds the file's bytes
