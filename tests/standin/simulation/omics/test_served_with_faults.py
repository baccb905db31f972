"""The faults of the archive befall these files as they do those of expression, and the faults of their own fit them."""

import hashlib
import io
import json
from pathlib import Path

import pandas as pd
import pytest

from mgi_standin.archive.faults import Rule, with_faults
from mgi_standin.archive.response import Handler, Request, Response, whole
from mgi_standin.archive.server import archive_service
from mgi_standin.simulation.omics.listing import ROWS
from mgi_standin.simulation.settings import OMICS

RESEALED = {"no-variants": "mutation", "header-row": "methylation", "no-copy-number": "cn", "older-panel": "rppa"}


@pytest.fixture(scope="module")
def service(omics_archive: Path) -> Handler:
    return archive_service(omics_archive)


def listed(answer: Handler, modality: str) -> list[dict]:
    content = {"field": "data_type", "value": ROWS[modality].data_type}
    body = {
        "filters": {"op": "=", "content": content},
        "fields": "file_id,file_name,file_size,md5sum,associated_entities.entity_submitter_id",
        "size": 1000,
        "sort": "file_id:asc",
    }
    reply = answer(Request(method="POST", path="/files", body=json.dumps(body).encode()))
    hits = json.loads(whole(reply))["data"]["hits"]
    return [hit for hit in hits if modality != "cn" or ".ascat3." in hit["file_name"]]


def download(answer: Handler, hit: dict, **headers: str) -> Response:
    return answer(Request(method="GET", path=f"/data/{hit['file_id']}", headers=headers))


@pytest.mark.parametrize("modality", OMICS)
def test_bytes_and_lengths_are_spoilt_as_those_of_expression_are(service, modality):
    hit = listed(service, modality)[0]
    true = whole(download(service, hit))
    assert hashlib.md5(true).hexdigest() == hit["md5sum"]
    for fault, value in (("wrong-bytes", 0.5), ("truncated", 0.5), ("status", 503), ("page-as-data", None)):
        faulty = with_faults(service, [Rule(path="^/data/", fault=fault, value=value, calls="first 1")])
        assert whole(download(faulty, hit)) != true
        assert whole(download(faulty, hit)) == true
    cut = download(with_faults(service, [Rule(path="^/data/", fault="drop", value=0.5)]), hit)
    assert cut.delivery.body_bytes == len(true) // 2
    part = download(service, hit, range="bytes=50-")
    assert (part.status, whole(part)) == (206, true[50:])
    ignored = with_faults(service, [Rule(path="^/data/", fault="no-range")])
    assert download(ignored, hit, range="bytes=50-").status == 200


@pytest.mark.parametrize(("fault", "modality"), RESEALED.items())
def test_a_damaged_file_passes_its_digest_and_is_another(service, fault, modality):
    faulty = with_faults(service, [Rule(path="^/(files$|data/)", fault=fault)])
    changed = 0
    for before, after in zip(listed(service, modality), listed(faulty, modality), strict=True):
        content = whole(download(faulty, after))
        assert (len(content), hashlib.md5(content).hexdigest()) == (after["file_size"], after["md5sum"])
        changed += before["md5sum"] != after["md5sum"]
    assert changed > 20


def test_what_the_damaged_files_hold(service):
    def table(fault: str, **options) -> pd.DataFrame:
        faulty = with_faults(service, [Rule(path="^/(files$|data/)", fault=fault)])
        content = whole(download(faulty, listed(faulty, RESEALED[fault])[0]))
        return pd.read_csv(io.BytesIO(content), sep="\t", **options)

    variants = table("no-variants", comment="#", compression="gzip")
    assert variants.shape == (0, 140)
    assert list(table("header-row").columns) == ["Probe_ID", "Beta_Value"]
    copies = table("no-copy-number")
    assert copies[["copy_number", "min_copy_number", "max_copy_number"]].isna().all(axis=None)
    assert copies["gene_id"].notna().all()
    assert len(table("older-panel")) in (95, 55)


@pytest.mark.parametrize("modality", ["cn", "mutation"])
def test_two_tumours_are_listed_for_one_file(service, modality):
    first = listed(service, modality)[0]["file_id"]
    faulty = with_faults(service, [Rule(path="^/files$", fault="two-tumours", value=first)])
    codes = {
        hit["file_id"]: sorted(entity["entity_submitter_id"][13] for entity in hit["associated_entities"])
        for hit in listed(faulty, modality)
    }
    assert codes.pop(first) == ["0", "0"]
    assert set(map(tuple, codes.values())) == {("0", "1")}
