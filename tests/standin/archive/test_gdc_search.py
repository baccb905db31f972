import json

import pytest

from mgi_standin.archive.gdc_search import Index, search
from mgi_standin.archive.response import RefusalError, refusal

QUERY = {
    "op": "and",
    "content": [
        {"op": "in", "content": {"field": "cases.project.project_id", "value": ["TCGA-LGG"]}},
        {"op": "in", "content": {"field": "data_category", "value": ["Transcriptome Profiling"]}},
        {"op": "in", "content": {"field": "experimental_strategy", "value": ["RNA-Seq"]}},
        {"op": "in", "content": {"field": "analysis.workflow_type", "value": ["STAR - Counts"]}},
        {"op": "in", "content": {"field": "access", "value": ["open"]}},
    ],
}
ALIQUOT = "cases.samples.portions.analytes.aliquots.submitter_id"


def ids(reply):
    assert reply.status_code == 200
    return [hit["id"] for hit in reply.json()["data"]["hits"]]


def test_a_search_without_a_size_returns_ten_of_all(gdc):
    body = gdc("POST", "/files", json={"filters": QUERY}).json()
    assert body["data"]["pagination"] == {
        "count": 10,
        "total": 11,
        "size": 10,
        "from": 0,
        "sort": "",
        "page": 1,
        "pages": 2,
    }
    assert len(body["data"]["hits"]) == 10
    assert body["warnings"] == {}


def test_the_documented_query_returns_the_documented_shape(gdc):
    fields = "file_id,file_name,file_size,md5sum,analysis.workflow_type,cases.case_id,cases.samples.sample_type"
    request = {
        "filters": QUERY,
        "fields": f"{fields},{ALIQUOT}",
        "sort": "file_id:asc",
        "size": 1,
        "from": 4,
        "format": "JSON",
    }
    data = gdc("POST", "/files", json=request).json()["data"]
    assert data["hits"] == [
        {
            "id": "f05",
            "file_id": "f05",
            "file_name": "f05.rna_seq.augmented_star_gene_counts.tsv",
            "file_size": 90,
            "md5sum": data["hits"][0]["md5sum"],
            "analysis": {"workflow_type": "STAR - Counts"},
            "cases": [
                {
                    "case_id": "case-TCGA-DU-6407",
                    "samples": [
                        {
                            "sample_type": "Recurrent Tumor",
                            "portions": [
                                {"analytes": [{"aliquots": [{"submitter_id": "TCGA-DU-6407-02A-12R-A36H-07"}]}]}
                            ],
                        }
                    ],
                }
            ],
        }
    ]
    assert data["pagination"] == {
        "count": 1,
        "total": 11,
        "size": 1,
        "from": 4,
        "sort": "file_id:asc",
        "page": 5,
        "pages": 11,
    }


def test_object_text_and_query_string_filters_find_the_same(gdc):
    text = json.dumps(QUERY)
    by_object = ids(gdc("POST", "/files", json={"filters": QUERY, "size": 50}))
    assert len(by_object) == 11
    assert ids(gdc("POST", "/files", json={"filters": text, "size": "50"})) == by_object
    assert ids(gdc("GET", "/files", params={"filters": text, "size": "50"})) == by_object
    assert ids(gdc("GET", "/v0/files", params={"filters": text, "size": "50"})) == by_object


def test_pages_partition_the_hits(gdc):
    pages = [ids(gdc("GET", f"/files?sort=file_id:asc&size=5&from={start}")) for start in (0, 5, 10, 15)]
    assert [len(page) for page in pages] == [5, 5, 2, 0]
    assert [file_id for page in pages for file_id in page] == [f"f{number:02d}" for number in range(1, 13)]


def test_sort_takes_several_and_nested_fields(gdc):
    assert ids(gdc("GET", f"/files?sort=access,{ALIQUOT}:asc&size=2")) == ["f12", "f01"]
    assert ids(gdc("GET", "/files?sort=file_size:asc&size=1")) == ["f01"]


def test_hits_without_a_value_to_sort_by_come_last():
    index = Index("files", [{"id": "a"}, {"id": "b", "x": 2}, {"id": "c", "x": 1}])
    reply = json.loads(search(index, {"sort": "x"}).body)
    assert [hit["id"] for hit in reply["data"]["hits"]] == ["c", "b", "a"]


def test_a_wrong_case_in_a_value_finds_nothing_without_an_error(gdc):
    wrong = {"op": "=", "content": {"field": "experimental_strategy", "value": "RNA-seq"}}
    data = gdc("POST", "/files", json={"filters": wrong}).json()["data"]
    assert data["hits"] == []
    assert data["pagination"]["total"] == 0


def test_unknown_fields_are_warnings_in_a_200(gdc):
    reply = gdc("GET", "/files?fields=file_id,cases.samples.is_ffpe,nonsense&size=1")
    assert reply.status_code == 200
    assert reply.json()["data"]["hits"] == [{"id": "f01", "file_id": "f01"}]
    assert reply.json()["warnings"] == {
        "fields": "unrecognized values: [cases.samples.is_ffpe, nonsense]",
    }


def test_blanks_in_fields_make_a_name_unknown(gdc):
    warnings = gdc("GET", "/files", params={"fields": "file_id, file_name"}).json()["warnings"]
    assert warnings == {"fields": "unrecognized values: [ file_name]"}


def test_documented_fields_that_no_hit_holds_are_known_but_absent(gdc):
    body = gdc("GET", "/files?fields=cases.samples.tumor_descriptor&size=1").json()
    assert body == {"data": {"hits": [{"id": "f01"}], "pagination": body["data"]["pagination"]}, "warnings": {}}


def test_without_fields_only_the_top_level_comes(gdc):
    (hit,) = gdc("GET", "/files?size=1").json()["data"]["hits"]
    assert hit["file_name"].startswith("f01")
    assert "cases" not in hit


@pytest.mark.parametrize(
    "request_body",
    [
        {"filters": "{not json"},
        {"filters": {"op": "=", "content": {"field": "nonsense", "value": 1}}},
        {"filters": {"op": "=", "content": {"field": "cases.samples.is_ffpe", "value": False}}},
        {"filters": {"op": "resembles", "content": {"field": "access", "value": "open"}}},
        {"filters": [1]},
        {"size": "many"},
        {"size": -1},
        {"from": "x"},
        {"format": "YAML"},
    ],
)
def test_a_bad_request_is_a_400_with_a_message(gdc, request_body):
    reply = gdc("POST", "/files", json=request_body)
    assert reply.status_code == 400
    assert list(reply.json()) == ["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_not_a_json_object_is_a_400(gdc, body):
    reply = gdc("POST", "/files", data=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert "body" in reply.json()["message"]


def test_an_unknown_sort_field_is_a_warning_and_keeps_the_stored_order(gdc):
    body = gdc("GET", "/files?sort=nonsense:asc,file_id:up&size=1").json()
    assert body["warnings"] == {"sort": "unrecognized values: [nonsense, file_id:up]"}
    assert body["data"]["pagination"]["sort"] == ""


def test_annotations_can_be_searched_by_project(gdc):
    project = {"op": "=", "content": {"field": "project.project_id", "value": "TCGA-LGG"}}
    body = gdc("POST", "/annotations", json={"filters": project}).json()
    (hit,) = body["data"]["hits"]
    assert (hit["id"], hit["entity_submitter_id"], hit["category"]) == ("a1", "TCGA-CS-4941-01A", "Item flagged DNU")


NAMED = [
    {"id": "a", "name": "a.tsv", "size": 9, "samples": [{"type": "01"}, {"type": "02"}]},
    {"id": "b", "name": "b.tsv", "size": 10, "samples": [{"type": "01"}]},
    {"id": "c", "name": "c.txt", "size": 200, "samples": []},
]


def passing(filters):
    index = Index("files", NAMED)
    return "".join(hit["id"] for hit in json.loads(search(index, {"filters": filters}).body)["data"]["hits"])


def leaf(operation, field, value):
    return {"op": operation, "content": {"field": field, "value": value}}


@pytest.mark.parametrize(
    ("operation", "field", "value", "expected"),
    [
        ("=", "name", "a.tsv", "a"),
        ("=", "name", "A.tsv", ""),
        ("=", "files.name", "a.tsv", "a"),
        ("in", "name", ["b.tsv", "c.txt"], "bc"),
        ("=", "size", "9", "a"),
        ("in", "samples.type", ["02"], "a"),
        ("IN", "samples.type", ["01", "02"], "ab"),
    ],
)
def test_an_operator_passes_what_it_says(operation, field, value, expected):
    assert passing(leaf(operation, field, value)) == expected


def test_and_passes_what_all_of_its_parts_pass():
    assert passing({"op": "and", "content": [leaf("in", "size", [9, 200]), leaf("=", "name", "a.tsv")]}) == "a"
    assert passing({"op": "AND", "content": leaf("=", "size", 10)}) == "b"


@pytest.mark.parametrize("empty", [None, "", {}, {"op": "and", "content": []}])
def test_no_filter_passes_everything(empty):
    assert passing(empty) == "abc"


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        (leaf("=", "nonsense", 1), b"unknown field 'nonsense'"),
        (leaf("like", "name", 1), b"unknown op 'like'"),
        ({"op": "="}, b"expected an object with op and content"),
        ({"op": "=", "content": []}, b"needs content with a field"),
        ([1], b"expected an object with op and content"),
    ],
)
def test_a_broken_filter_is_refused_with_its_reason(filters, reason):
    with pytest.raises(RefusalError) as refused:
        passing(filters)
    assert refused.value.response.status == 400
    assert reason in refused.value.response.body


def test_a_bad_request_carries_its_message():
    assert refusal("why").response.body == b'{"message": "why"}'
