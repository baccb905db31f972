import json

from mgi_standin.archive.folder import read_archive
from mgi_standin.archive.gdc import gdc_service
from mgi_standin.archive.response import Request


def test_status_is_the_stored_one(gdc):
    reply = gdc("GET", "/status")
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json() == {
        "commit": "74e1",
        "data_release": "Data Release 45.0 - December 04, 2025",
        "status": "OK",
        "tag": "8.5.0",
        "version": 1,
    }
    assert gdc("GET", "/v0/status").json() == reply.json()


def test_unknown_paths_are_404_and_wrong_methods_405_with_a_message(gdc):
    assert gdc("GET", "/nowhere").status_code == 404
    assert gdc("POST", "/status", json={}).status_code == 405
    assert "message" in gdc("DELETE", "/files").json()
    assert gdc("HEAD", "/status").status_code == 405


def test_a_superseded_hit_is_not_searchable_even_if_listed(archive_folder):
    archive = read_archive(archive_folder)
    archive.files.append({**archive.files[1], "file_id": "old2", "id": "old2"})
    reply = gdc_service(archive)(Request(method="GET", path="/files", query=(("size", "50"),)))
    assert "old2" not in [hit["id"] for hit in json.loads(reply.body)["data"]["hits"]]


def test_paths_out_of_the_folder_are_unknown_ids(gdc):
    assert gdc("GET", "/data/..%2f..%2farchive.json").status_code == 404
    assert gdc("GET", "/data/..").status_code == 404


def test_cases_are_searched_where_the_archive_has_them(archive_folder, gdc):
    assert gdc("POST", "/cases", json={}).json()["data"]["hits"] == []
    archive = read_archive(archive_folder)
    person = {"demographic": {"vital_status": "Alive"}, "project": {"project_id": "TCGA-LGG"}, "follow_ups": None}
    archive.cases.extend({"case_id": f"c{number}", **person} for number in range(12))
    body = {
        "filters": {"op": "in", "content": {"field": "project.project_id", "value": ["TCGA-LGG"]}},
        "fields": "case_id,demographic.vital_status,follow_ups.days_to_follow_up,treatments.x",
        "from": 10,
    }
    request = Request(method="POST", path="/cases", body=json.dumps(body).encode())
    found = json.loads(gdc_service(archive)(request).body)
    assert [hit["id"] for hit in found["data"]["hits"]] == ["c10", "c11"]
    assert found["data"]["hits"][0]["demographic"] == {"vital_status": "Alive"}
    assert found["data"]["pagination"]["total"] == 12
    assert "treatments.x" in found["warnings"]["fields"]
