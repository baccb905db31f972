import json
from dataclasses import replace

import pytest

from mgi.core.errors import BadInputError, IntegrityError, NetworkError
from mgi.locks.lock import as_json
from mgi.modalities.flair.sequence import item_of
from mgi.modalities.flair.sources import tcia
from mgi.modalities.flair.sources.tcia import TciaImages

UID = "1.2.840.7"
SOPS = ["1.2.3", "1.2.4"]


def row(uid, patient="TCGA-CS-4941", **changes):
    base = {"SeriesInstanceUID": uid, "StudyInstanceUID": "1.2", "PatientID": patient, "ImageCount": 2, "FileSize": 900}
    return {**base, "Modality": "MR", "StudyDate": "09-08-1994", **changes}


def first_is_flair(rivals, *, min_images):
    return [
        item_of(one, "flair" if n == 0 else "other", "first", score=float(n == 0), chosen=n == 0)
        for n, one in enumerate(rivals)
    ]


@pytest.fixture
def source(stub, service_at, monkeypatch):
    monkeypatch.setattr(tcia, "choose_flair", first_is_flair)
    monkeypatch.setattr(tcia, "confirm_flair", lambda tags: None)
    return TciaImages(service=service_at(stub.url), collection="TCGA-LGG")


@pytest.fixture
def served(stub, reply, dicom_slice, zip_of):
    """The stub serves one whole series of two slices."""
    whole = zip_of({f"{n}.dcm": dicom_slice(uid) for n, uid in enumerate(SOPS)})
    stub.script["/getSeries"] = [reply(body=json.dumps([row(UID), row("1.2.840.8")]).encode())]
    listed = json.dumps([{"SOPInstanceUID": uid} for uid in SOPS]).encode()
    stub.script["/getSOPInstanceUIDs"] = [reply(body=listed)]
    stub.script["/getImage"] = [reply(body=whole, chunked=True)]
    return whole


def locked_item(source):
    return next(item for item in source.lock(source.discover()).items if item.chosen)


def test_the_lock_lists_every_series_and_repeats_byte_for_byte(source, served):
    lock = source.lock(source.discover())
    assert [(item.key, item.chosen) for item in lock.items] == [(UID, True), ("1.2.840.8", False)]
    assert as_json(lock) == as_json(source.lock(source.discover()))
    assert "127.0.0.1" not in json.dumps(as_json(lock))


def test_a_study_of_two_patients_in_the_listing_is_refused(source, stub, reply):
    rows = [row(UID), row("1.2.840.8", patient="TCGA-DU-5849")]
    stub.script["/getSeries"] = [reply(body=json.dumps(rows).encode())]
    with pytest.raises(BadInputError, match=rf"1\.2: series {UID} is of TCGA-CS-4941, .* TCGA-DU-5849"):
        source.lock(source.discover())


def test_a_series_arrives_verified_and_a_second_run_asks_for_nothing(source, stub, served, tmp_path):
    item = locked_item(source)
    assert source.verify(item, tmp_path) is None
    entry = source.fetch(item, tmp_path)
    assert (tmp_path / entry.path).read_bytes() == served
    assert (entry.path, entry.metadata, entry.rejected) == (tmp_path / f"series/{UID}.zip", {"n_images": 2}, None)
    asked = len(stub.seen)
    assert source.verify(item, tmp_path) == entry
    assert len(stub.seen) == asked
    assert [target for target, _, _ in stub.seen if "getImage" in target] == [
        f"/getImage?SeriesInstanceUID={UID}&IncludeMD5=Yes"
    ]


def test_a_copied_folder_is_known_by_its_digest(source, stub, served, tmp_path):
    item = locked_item(source)
    entry = source.fetch(item, tmp_path)
    path = tmp_path / entry.path
    path.write_bytes(path.read_bytes())
    assert source.verify(item, tmp_path) == entry


@pytest.mark.parametrize("harm", ["content", "length", "record", "record keys", "other lock"])
def test_what_changed_since_is_fetched_again(source, served, tmp_path, harm):
    item = locked_item(source)
    entry = source.fetch(item, tmp_path)
    path, record = tmp_path / entry.path, tmp_path / f"series/{UID}.json"
    if harm == "content":
        path.write_bytes(served[:-1] + b"\x01")
    elif harm == "length":
        path.write_bytes(served[:-1])
    elif harm == "record":
        record.write_text("{")
    elif harm == "record keys":
        record.write_text('{"mtime_ns": 1}')
    else:
        item = replace(item, metadata={**item.metadata, "n_images": 3})
    assert source.verify(item, tmp_path) is None


def test_a_zip_with_a_slice_missing_is_asked_for_again(source, stub, reply, served, dicom_slice, zip_of, tmp_path):
    item = locked_item(source)
    short = zip_of({"0.dcm": dicom_slice(SOPS[0])}, md5=False)
    stub.script["/getImage"] = [
        reply(body=short, chunked=True),
        reply(body=served, sent=200, chunked=True),
        reply(body=b"<html>502</html>", chunked=True),
        reply(body=b'{"error": "x"}'),
        reply(body=served, chunked=True),
    ]
    assert source.fetch(item, tmp_path).metadata["n_images"] == 2
    assert stub.count("/getImage") == 5
    assert sorted(path.name for path in (tmp_path / "series").iterdir()) == [f"{UID}.json", f"{UID}.zip"]


def test_a_zip_that_stays_short_is_an_error_and_leaves_nothing(
    source, stub, reply, served, zip_of, dicom_slice, tmp_path
):
    item = locked_item(source)
    stub.script["/getImage"] = [reply(body=zip_of({"0.dcm": dicom_slice(SOPS[0])}), chunked=True)]
    with pytest.raises(IntegrityError, match=rf"series {UID}: 1 .*2 .*\(6 "):
        source.fetch(item, tmp_path)
    assert list((tmp_path / "series").iterdir()) == []


def test_an_archive_that_now_lists_more_images_asks_for_a_new_lock(source, stub, reply, served, tmp_path):
    item = locked_item(source)
    stub.script["/getSOPInstanceUIDs"] = [reply(body=b'[{"SOPInstanceUID": "1.2.3"}]')]
    with pytest.raises(IntegrityError, match=rf"series {UID}: 1 .*lock .*2;"):
        source.fetch(item, tmp_path)
    assert stub.count("/getImage") == 0


def test_a_series_without_access_is_refused_once_in_the_archives_words(source, stub, reply, served, tmp_path):
    item = locked_item(source)
    stub.script["/getImage"] = [reply(status=400, body=b"The user has not been granted the access")]
    with pytest.raises(NetworkError, match="HTTP 400, The user has not been granted"):
        source.fetch(item, tmp_path)
    assert stub.count("/getImage") == 1


def test_tags_that_contradict_the_name_reject_a_flair_only(source, served, tmp_path, monkeypatch):
    item = locked_item(source)
    monkeypatch.setattr(tcia, "confirm_flair", lambda tags: f"TI {tags['InversionTime']:g}")
    strict = source
    assert strict.fetch(item, tmp_path).rejected == "TI 2200"
    assert strict.verify(item, tmp_path).rejected == "TI 2200"
    mask = type(item)(**{**vars(item), "role": "mask"})
    assert strict.verify(mask, tmp_path).rejected is None


def test_a_collection_in_which_nothing_is_a_flair_cannot_be_locked(source, monkeypatch, served):
    monkeypatch.setattr(tcia, "choose_flair", lambda rivals, *, min_images: [item_of(n, "other", "CT") for n in rivals])
    with pytest.raises(BadInputError, match=r"items: .* 2 .*chosen \(CT\)"):
        source.lock(source.discover())


def test_probing_counts_patients(source, stub, reply):
    stub.script["/getPatient"] = [reply(body=b'[{"PatientId": "TCGA-CS-4941"}]')]
    assert source.probe() == "reachable, 1 patients of TCGA-LGG visible, no account needed"
