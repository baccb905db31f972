import json

import pytest

from mgi.core.errors import IntegrityError, NetworkError
from mgi.locks.item import Item
from mgi.modalities.gdc.versions import LatestVersion, latest_version, same_bytes_elsewhere
from mgi_standin.archive.server import serve
from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import SimulationSettings

REFUSED = NetworkError("local archive: file old: HTTP 404")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    settings = SimulationSettings(
        seed=7, n_patients=16, n_genes=750, slices_min=1, slices_max=1, pixels=16, genes_drive_images=True
    )
    folder = tmp_path_factory.mktemp("simulated") / "archive"
    write_archive(settings, folder)
    return folder


@pytest.fixture
def versions(archive):
    return json.loads((archive / "gdc/versions.json").read_text())


@pytest.fixture
def simulated(archive, service_at):
    with serve(archive) as server:
        yield service_at(server.url)


def item(key="old", **changes):
    given = {
        "patient_id": "TCGA-CS-0001",
        "role": "rna",
        "size": 3,
        "md5": "a" * 32,
    }
    return Item(**{**given, "key": key, "chosen": True, "reason": "primary tumour", **changes})


def row(**changes):
    base = {"id": "old", "latest_id": "new", "latest_size": 3, "latest_md5": "a" * 32, "latest_release": ["45.0"]}
    return {**base, **changes}


def test_superseded_and_latest_ids_of_the_archive_lead_to_the_latest_and_unknown_ones_nowhere(simulated, versions):
    old = [one for one in versions if one["superseded"]]
    assert old
    by_id = {one["id"]: one for one in versions}
    for one in versions:
        latest = by_id[one["latest_id"]]
        expected = LatestVersion(
            file_id=latest["id"], md5=latest["md5sum"], size=latest["file_size"], release=latest["release"]
        )
        assert latest_version(simulated, one["id"]) == expected
    assert latest_version(simulated, "nobody") is None


def test_a_superseded_profile_with_other_counts_is_named_with_both_ids(simulated, versions):
    old = next(one for one in versions if one["superseded"])
    with pytest.raises(IntegrityError) as caught:
        same_bytes_elsewhere(simulated, item(old["id"], md5=old["md5sum"], size=old["file_size"]), REFUSED)
    said = str(caught.value)
    for part in ("TCGA-CS-0001", old["id"], old["latest_id"], "release 45.0", "make a new lock", "mgi lock-diff"):
        assert part in said
    assert "\n" not in said


def test_the_same_bytes_under_a_new_id_are_that_id(stub, reply, service_at):
    for stated in (row(), row(latest_md5=None)):
        stub.script["/files/versions"] = [reply(body=json.dumps([stated]).encode())]
        assert same_bytes_elsewhere(service_at(stub.url), item(), REFUSED) == "new"


@pytest.mark.parametrize(
    "changes", [{"latest_md5": "b" * 32}, {"latest_size": 4}, {"latest_size": 4, "latest_md5": None}]
)
def test_other_bytes_under_a_new_id_are_refused(stub, reply, service_at, changes):
    stub.script["/files/versions"] = [reply(body=json.dumps([row(**changes)]).encode())]
    with pytest.raises(IntegrityError, match=r"TCGA-CS-0001: file old .*new .*45\.0 .*locked: md5 a{32}, 3 bytes"):
        same_bytes_elsewhere(service_at(stub.url), item(), REFUSED)


def test_a_file_that_has_no_newer_version_keeps_its_refusal(stub, reply, service_at):
    stub.script["/files/versions"] = [reply(body=json.dumps([row(latest_id="old")]).encode())]
    with pytest.raises(NetworkError, match=r"TCGA-CS-0001: .*file old: HTTP 404; .*\(release 45\.0\)"):
        same_bytes_elsewhere(service_at(stub.url), item(), REFUSED)


def test_an_id_that_nobody_knows_keeps_its_refusal(simulated):
    with pytest.raises(NetworkError, match=r"TCGA-CS-0001: .*file old: HTTP 404; .*GDC .*id"):
        same_bytes_elsewhere(simulated, item("nobody"), REFUSED)


@pytest.mark.parametrize(
    "body", [b'{"message": "x"}', b"[1]", b'[{"id": "old"}]', b'[{"id":"o","latest_id":"n","latest_size":"x"}]']
)
def test_a_reply_of_another_shape_is_named(stub, reply, service_at, body):
    stub.script["/files/versions"] = [reply(body=body)]
    with pytest.raises(NetworkError, match=r"versions of old: .*id, latest_id and latest_size"):
        latest_version(service_at(stub.url), "old")


def test_other_failures_are_not_taken_for_an_unknown_id(stub, reply, service_at):
    stub.script["/files/versions"] = [reply(status=403)]
    with pytest.raises(NetworkError, match="versions of old: HTTP 403"):
        latest_version(service_at(stub.url), "old")
