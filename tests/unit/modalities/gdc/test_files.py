import dataclasses
import hashlib
import json

import pytest

from mgi.core.errors import BadInputError, ConfigError, IntegrityError, NetworkError
from mgi.locks.lock import as_json
from mgi.modalities.gdc.files import GdcFiles
from mgi.modalities.rna.sources.opening import STAR_COUNTS

CONTENT = b"# gene-model: GENCODE v36\n" + b"gene\n" * 100
MD5 = hashlib.md5(CONTENT).hexdigest()


def hit(file_id, barcode, **changes):
    aliquots = [{"analytes": [{"aliquots": [{"submitter_id": barcode}]}]}]
    sample = {"submitter_id": barcode[:16], "portions": aliquots}
    case = {"submitter_id": barcode[:12], "samples": [sample]}
    base = {"file_id": file_id, "file_name": "a.tsv", "file_size": len(CONTENT), "md5sum": MD5, "access": "open"}
    return {**base, "cases": [case], **changes}


def page(*hits):
    return json.dumps({"data": {"hits": hits, "pagination": {"total": len(hits)}}, "warnings": {}}).encode()


@pytest.fixture
def source(stub, reply, service_at):
    stub.script["/status"] = [reply(body=b'{"status": "OK", "data_release": "Data Release 45.0"}')]
    stub.script["/files"] = [
        reply(body=page(hit("f-1", "TCGA-DU-6407-01A-13R-1708-07"), hit("f-2", "TCGA-DU-6407-02A-12R-A36H-07")))
    ]
    stub.script["/annotations"] = [reply(body=page())]
    stub.script["/data/f-1"] = [reply(body=CONTENT, ranges=True)]
    return GdcFiles(query=STAR_COUNTS, service=service_at(stub.url), project="TCGA-LGG")


def test_the_lock_holds_release_digests_and_reasons_but_no_address(source):
    lock = source.lock(source.discover())
    assert lock.release == "Data Release 45.0"
    assert [(item.key, item.chosen, item.reason) for item in lock.items] == [
        ("f-1", True, "primary tumour"),
        ("f-2", False, "recurrent sample"),
    ]
    assert as_json(lock) == as_json(source.lock(source.discover()))
    assert "127.0.0.1" not in json.dumps(as_json(lock))


def test_no_hits_point_at_the_case_of_filter_values(source, stub, reply):
    stub.script["/files"] = [reply(body=page())]
    with pytest.raises(BadInputError, match=r"'TCGA-LGG'.*modalities\.rna\.project"):
        source.discover()


@pytest.mark.parametrize("body", [b'{"status": "MAINTENANCE"}', b"[]", b""])
def test_a_status_that_is_not_ok_stops(source, stub, reply, body):
    stub.script["/status"] = [reply(body=body)]
    with pytest.raises(NetworkError, match=r"status .*'OK' \(6 "):
        source.probe()


def test_a_status_without_release_is_fine(source, stub, reply):
    stub.script["/status"] = [reply(body=b'{"status": "OK"}')]
    assert "release not stated" in source.probe()
    assert source.discover().release is None


def test_a_file_arrives_under_its_digest_and_a_second_run_asks_for_nothing(source, stub, tmp_path):
    item = source.lock(source.discover()).items[0]
    assert source.verify(item, tmp_path) is None
    entry = source.fetch(item, tmp_path)
    assert (entry.path, entry.md5, entry.size) == (tmp_path / f"files/{MD5}.tsv", MD5, len(CONTENT))
    assert (tmp_path / entry.path).read_bytes() == CONTENT
    assert entry.sha256 is None
    asked = len(stub.seen)
    assert source.verify(item, tmp_path) == entry
    assert len(stub.seen) == asked


def test_a_file_in_place_is_believed_by_its_digest_not_by_its_name(source, tmp_path):
    item = source.lock(source.discover()).items[0]
    entry = source.fetch(item, tmp_path)
    (tmp_path / entry.path).write_bytes(CONTENT[:-1] + b"X")
    assert source.verify(item, tmp_path) is None
    assert source.fetch(item, tmp_path) == entry


def test_a_file_without_receipt_is_read_again_and_gets_one(source, stub, tmp_path):
    item = source.lock(source.discover()).items[0]
    entry = source.fetch(item, tmp_path)
    receipt = tmp_path / "files" / f"{MD5}.json"
    receipt.unlink()
    asked = len(stub.seen)
    assert source.verify(item, tmp_path) == entry
    assert receipt.exists()
    assert len(stub.seen) == asked


def test_a_digest_that_never_fits_names_both(source, stub, reply, tmp_path):
    item = source.lock(source.discover()).items[0]
    stub.script["/data/f-1"] = [reply(body=CONTENT[::-1])]
    with pytest.raises(IntegrityError, match=rf"file f-1: md5 [0-9a-f]+, .*{MD5}"):
        source.fetch(item, tmp_path)
    assert list((tmp_path / "files").iterdir()) == []


def versions(reply, **changes):
    row = {"id": "f-1", "latest_id": "f-9", "latest_size": len(CONTENT), "latest_md5": MD5, "latest_release": ["46.0"]}
    return [reply(body=json.dumps([{**row, **changes}]).encode())]


@pytest.mark.parametrize("status", [403, 404])
def test_a_file_that_is_gone_is_asked_for_once_with_advice(source, stub, reply, tmp_path, status):
    item = source.lock(source.discover()).items[0]
    stub.script["/data/f-1"] = [reply(status=status)]
    stub.script["/files/versions"] = versions(reply, latest_id="f-1")
    with pytest.raises(NetworkError, match=rf"TCGA-DU-6407: .*f-1: HTTP {status}; .*\(release 46\.0\)"):
        source.fetch(item, tmp_path)
    assert stub.count("/data/f-1") == 1


@pytest.mark.parametrize("stated", [MD5, None])
def test_a_superseded_file_comes_under_its_new_id_and_the_next_run_knows_it(source, stub, reply, tmp_path, stated):
    item = source.lock(source.discover()).items[0]
    stub.script["/data/f-1"] = [reply(status=404)]
    stub.script["/data/f-9"] = [reply(body=CONTENT)]
    stub.script["/files/versions"] = versions(reply, latest_md5=stated)
    entry = source.fetch(item, tmp_path)
    assert (entry.key, entry.fetched_as, entry.md5) == ("f-1", "f-9", MD5)
    assert (tmp_path / entry.path).read_bytes() == CONTENT
    asked = len(stub.seen)
    assert source.verify(item, tmp_path) == entry
    assert entry.as_json(tmp_path)["fetched_as"] == "f-9"
    # A newer lock names the new id; then there is nothing to tell.
    assert "fetched_as" not in source.verify(dataclasses.replace(item, key="f-9"), tmp_path).as_json(tmp_path)
    assert len(stub.seen) == asked


def test_other_bytes_under_the_new_id_are_not_even_asked_for(source, stub, reply, tmp_path):
    item = source.lock(source.discover()).items[0]
    stub.script["/data/f-1"] = [reply(status=403)]
    stub.script["/files/versions"] = versions(reply, latest_md5="b" * 32)
    with pytest.raises(IntegrityError, match=r"TCGA-DU-6407: file f-1 .*f-9 .*release 46\.0"):
        source.fetch(item, tmp_path)
    assert stub.count("/data/f-9") == 0


def test_bytes_that_the_service_did_not_describe_are_checked_when_they_arrive(source, stub, reply, tmp_path):
    item = source.lock(source.discover()).items[0]
    stub.script["/data/f-1"] = [reply(status=404)]
    stub.script["/data/f-9"] = [reply(body=CONTENT[::-1])]
    stub.script["/files/versions"] = versions(reply, latest_md5=None)
    with pytest.raises(IntegrityError, match=rf"TCGA-DU-6407: file f-1 .*f-9; .*f-9: md5 .*{MD5}"):
        source.fetch(item, tmp_path)
    assert list((tmp_path / "files").iterdir()) == []


def test_an_archive_that_calls_itself_simulated_is_locked_as_such(source, stub, reply):
    assert source.lock(source.discover()).simulated is False
    stub.script["/status"] = [reply(body=b'{"status": "OK", "simulated": true}')]
    lock = source.lock(source.discover())
    assert lock.simulated is True
    source.check_lock(lock)  # at an address of this machine either may lie


@pytest.mark.parametrize("simulated", [True, False])
def test_the_lock_of_the_other_kind_of_archive_is_refused(source, service_at, simulated):
    lock = dataclasses.replace(source.lock(source.discover()), simulated=not simulated)
    asked = GdcFiles(
        query=STAR_COUNTS, service=service_at("https://api.gdc.cancer.gov"), project="TCGA-LGG", simulated=simulated
    )
    with pytest.raises(ConfigError, match=r"^rna lock: .*simulated"):
        asked.check_lock(lock)
    asked.check_lock(dataclasses.replace(lock, simulated=simulated))


def test_a_status_that_is_not_ok_once_is_asked_again(source, stub, reply):
    stub.script["/status"] = [reply(body=b'{"error": "later"}'), reply(body=b'{"status": "OK", "data_release": "45"}')]
    assert source.discover().release == "45"
    assert stub.count("/status") == 2


def test_two_chosen_files_of_one_digest_are_refused_before_any_is_fetched(source):
    lock = source.lock(source.discover())
    twin = dataclasses.replace(lock.items[0], patient_id="TCGA-DU-0001", key="f-2")
    with pytest.raises(BadInputError, match=f"lock: two .*md5 {MD5}"):
        source.check_lock(dataclasses.replace(lock, items=(lock.items[0], twin)))


def test_a_file_whose_content_cannot_serve_is_rejected_with_the_reason_at_every_look(source, tmp_path):
    def check(path, item):
        raise BadInputError(f"{path}: line 3: found nothing, expected a number of {item.patient_id}")

    item = source.lock(source.discover()).items[0]
    strict = dataclasses.replace(source, check=check)
    said = "line 3: found nothing, expected a number of TCGA-DU-6407"
    assert strict.fetch(item, tmp_path).rejected == said
    assert strict.verify(item, tmp_path).rejected == said
    assert source.verify(item, tmp_path).rejected is None


def test_too_few_files_name_the_modality_and_the_workflow(source):
    with pytest.raises(
        IntegrityError, match=r"'TCGA-LGG' \(workflow 'STAR - Counts'\), modalities\.rna\.expected_files"
    ):
        dataclasses.replace(source, expected_files=(5, 9)).discover()


def test_a_renamed_workflow_is_named_where_nothing_is_found(source, stub, reply):
    stub.script["/files"] = [reply(body=page())]
    with pytest.raises(BadInputError, match=r"0 hits and no error \(workflow 'STAR - Counts'\)"):
        source.discover()
