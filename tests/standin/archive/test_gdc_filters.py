import pytest

from mgi_standin.archive.gdc_filters import predicate_of
from mgi_standin.archive.response import RefusalError, refusal

KNOWN = {"name", "size", "flag", "samples.type", "gone"}
HITS = [
    {"name": "a.tsv", "size": 9, "flag": True, "samples": [{"type": "01"}, {"type": "02"}]},
    {"name": "b[1].tsv", "size": 10, "flag": False, "samples": [{"type": "01"}]},
    {"name": "c.txt", "size": 200, "gone": None, "samples": []},
]


def passing(filters):
    passes = predicate_of(filters, KNOWN, "files")
    return "".join(hit["name"][0] for hit in HITS if passes(hit))


def leaf(operation, field, value):
    return {"op": operation, "content": {"field": field, "value": value}}


@pytest.mark.parametrize(
    ("operation", "field", "value", "expected"),
    [
        ("=", "name", "a.tsv", "a"),
        ("=", "name", "A.tsv", ""),
        ("=", "files.name", "a.tsv", "a"),
        ("=", "name", "*.tsv", "ab"),
        ("in", "name", ["b[*", "c.txt"], "bc"),
        ("=", "name", "b[1].tsv", "b"),
        ("=", "size", "9", "a"),
        ("=", "flag", True, "a"),
        ("=", "flag", "false", "b"),
        ("in", "samples.type", ["02"], "a"),
        ("!=", "samples.type", "02", "bc"),
        ("exclude", "samples.type", ["02", "03"], "bc"),
        ("excludeifany", "samples.type", ["01"], "c"),
        ("<", "size", 10, "a"),
        ("<=", "size", "10", "ab"),
        (">", "size", 10, "c"),
        (">=", "size", ["10"], "bc"),
        (">", "name", "b", "bc"),
        (">", "gone", 0, ""),
        ("is", "samples.type", "MISSING", "c"),
        ("is", "gone", "missing", "abc"),
        ("not", "samples.type", "MISSING", "ab"),
    ],
)
def test_an_operator_passes_what_it_says(operation, field, value, expected):
    assert passing(leaf(operation, field, value)) == expected


def test_and_or_not_combine():
    tsv, small = leaf("=", "name", "*.tsv"), leaf("<", "size", 10)
    assert passing({"op": "and", "content": [tsv, small]}) == "a"
    assert passing({"op": "or", "content": [small, leaf("=", "size", 200)]}) == "ac"
    assert passing({"op": "not", "content": [small]}) == "bc"
    assert passing({"op": "not", "content": tsv}) == "c"
    assert passing({"op": "AND", "content": [{"op": "not", "content": small}, tsv]}) == "b"


@pytest.mark.parametrize("empty", [None, "", {}, {"op": "and", "content": []}])
def test_no_filter_passes_everything(empty):
    assert passing(empty) == "abc"


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        (leaf("=", "nonsense", 1), b"unknown field 'nonsense'"),
        (leaf("like", "name", 1), b"unknown op 'like'"),
        (leaf("<", "size", [1, 2]), b"needs one value"),
        ({"op": "="}, b"expected an object with op and content"),
        ({"op": "=", "content": []}, b"needs content with a field"),
        ("text", b"expected an object with op and content"),
    ],
)
def test_a_broken_filter_is_refused_with_its_reason(filters, reason):
    with pytest.raises(RefusalError) as refusal:
        predicate_of(filters, KNOWN, "files")
    assert refusal.value.response.status == 400
    assert reason in refusal.value.response.body


def test_a_bad_request_carries_its_message():
    assert refusal("why").response.body == b'{"message": "why"}'
