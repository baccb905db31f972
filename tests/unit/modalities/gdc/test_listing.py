import copy
import json

import pytest

from mgi.core.errors import BadInputError, IntegrityError, NetworkError
from mgi.http.gdc_search import all_hits
from mgi.http.retry import RetryPolicy
from mgi.modalities.gdc.listing import (
    annotation_of,
    annotations_query,
    check_file_count,
    file_row,
    files_query,
    optional_fields,
)
from mgi.modalities.rna.sources.opening import STAR_COUNTS

BARCODE = "TCGA-DU-6407-02A-12R-A36H-07"
HIT = {
    "file_id": "f-1",
    "file_name": "folder/f-1.tsv",
    "file_size": 12,
    "md5sum": "0" * 32,
    "access": "open",
    "cases": [
        {
            "submitter_id": "TCGA-DU-6407",
            "samples": [
                {
                    "submitter_id": "TCGA-DU-6407-02A",
                    "sample_type": "Recurrent Tumor",
                    "tumor_descriptor": "Recurrence",
                    "portions": [{"analytes": [{"aliquots": [{"submitter_id": BARCODE}]}]}],
                }
            ],
        }
    ],
}


def page(hits, total, **more):
    return json.dumps({"data": {"hits": hits, "pagination": {"total": total}}, **more}).encode()


def files(*numbers):
    return [{"file_id": f"f-{n:03}"} for n in numbers]


def hits_of(service):
    return all_hits(
        service,
        "files",
        files_query("TCGA-LGG", STAR_COUNTS),
        id_field="file_id",
        optional=optional_fields(STAR_COUNTS),
    )


def test_the_query_asks_for_open_star_counts_in_a_stable_order():
    query = files_query("TCGA-LGG", STAR_COUNTS)
    asked = {one["content"]["field"]: one["content"]["value"] for one in query["filters"]["content"]}
    assert asked == {
        "cases.project.project_id": ["TCGA-LGG"],
        "data_category": ["Transcriptome Profiling"],
        "data_type": ["Gene Expression Quantification"],
        "experimental_strategy": ["RNA-Seq"],
        "analysis.workflow_type": ["STAR - Counts"],
        "access": ["open"],
    }
    assert query["sort"] == "file_id:asc"
    assert " " not in query["fields"]
    assert annotations_query("TCGA-LGG")["filters"]["content"]["value"] == ["TCGA-LGG"]


def test_every_page_is_read(stub, reply, service_at):
    stub.script["/files"] = [
        reply(body=page(files(*range(200)), 450)),
        reply(body=page(files(*range(200, 400)), 450)),
        reply(body=page(files(*range(400, 450)), 450)),
    ]
    assert len(hits_of(service_at(stub.url))) == 450
    assert [(posted["from"], posted["size"]) for _, _, posted in stub.seen] == [(0, 200), (200, 200), (400, 200)]


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([page(files(1), 2), page(files(2), 3)], "GDC files: total .*2 .*3 "),
        ([page(files(1), 2), page(files(1), 2)], "GDC files: 1 .*2 .*2 "),
        ([page(files(1), 2), page([], 2)], "GDC files: .*page .*1 of 2"),
        ([page(files(1, 2, 3), 2)], "GDC files: 3 .*3 .*2 "),
    ],
)
def test_a_listing_that_moves_while_it_is_read_is_refused(stub, reply, service_at, pages, said):
    stub.script["/files"] = [reply(body=body) for body in pages]
    with pytest.raises(IntegrityError, match=said):
        hits_of(service_at(stub.url, policy=RetryPolicy(attempts=1)))


def test_a_listing_that_moved_once_is_read_again_from_the_start(stub, reply, service_at):
    bodies = page(files(1), 2), page(files(2), 3), page(files(1, 2), 3), page(files(3), 3)
    stub.script["/files"] = [reply(body=body) for body in bodies]
    assert len(hits_of(service_at(stub.url))) == 3
    assert [posted["from"] for _, _, posted in stub.seen] == [0, 1, 0, 2]


def test_a_listing_that_never_adds_up_is_read_six_times(stub, reply, service_at):
    stub.script["/files"] = [reply(body=page(files(1, 1), 2))]
    with pytest.raises(IntegrityError, match=r"GDC files: 1 .*2 .*2 \(6 "):
        hits_of(service_at(stub.url))
    assert stub.count("/files") == 6


def test_a_lost_optional_field_is_survived_and_a_lost_required_one_is_not(stub, reply, service_at):
    lost = {"fields": "unrecognized values: [cases.samples.sample_type, state]"}
    stub.script["/files"] = [reply(body=page(files(1), 1, warnings=lost))]
    assert len(hits_of(service_at(stub.url))) == 1
    for warnings in ({"fields": "unrecognized values: [md5sum]"}, {"fields": "odd"}, {"expand": "x"}, ["x"]):
        stub.script["/files"] = [reply(body=page(files(1), 1, warnings=warnings))]
        with pytest.raises(NetworkError, match="GDC files: warnings "):
            hits_of(service_at(stub.url))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"", b'{"data": {"hits": []}}'])
def test_a_reply_of_another_shape_is_refused(stub, reply, service_at, body):
    stub.script["/files"] = [reply(body=body)]
    with pytest.raises(NetworkError, match=r"GDC files: .*data\.hits.*data\.pagination\.total"):
        hits_of(service_at(stub.url))


def test_a_hit_becomes_a_flat_row():
    assert file_row(HIT, [], STAR_COUNTS) == {
        "patient_id": "TCGA-DU-6407",
        "sample": "TCGA-DU-6407-02A",
        "aliquot": BARCODE,
        "key": "f-1",
        "file_name": "f-1.tsv",
        "size": 12,
        "md5": "0" * 32,
        "access": "open",
        "preservation": None,
        "version": None,
        "first_release": None,
        "annotation": None,
        "entity_id": None,
        "normal": None,
    }


@pytest.mark.parametrize("release", ["32.0", "32.0 - 45.0", "32.0 - 46.0"])
def test_a_newer_release_does_not_change_what_a_row_says_of_an_old_file(release):
    row = file_row({**HIT, "version": "1", "data_release": release}, [], STAR_COUNTS)
    assert (row["version"], row["first_release"]) == ("1", "32.0")


@pytest.mark.parametrize(("found", "expected"), [(500, (500, 560)), (560, (500, 560)), (3, None)])
def test_a_number_of_files_within_the_range_passes(found, expected):
    check_file_count(found, expected, "TCGA-LGG", STAR_COUNTS)


@pytest.mark.parametrize("found", [0, 499, 561])
def test_a_number_of_files_out_of_the_range_is_named_with_the_range_and_the_key(found):
    with pytest.raises(IntegrityError, match=rf"GDC: {found} .*modalities\.rna\.expected_files .*500 to 560"):
        check_file_count(found, (500, 560), "TCGA-LGG", STAR_COUNTS)


def changed(**changes):
    hit = copy.deepcopy(HIT)
    for path, value in changes.items():
        target = hit["cases"][0]["samples"][0] if path in ("sample_type", "tumor_descriptor", "portions") else hit
        target[path] = value
    return hit


def test_barcode_and_descriptor_must_agree_on_what_is_primary():
    with pytest.raises(IntegrityError, match=r"GDC file f-1: sample_type .*'Primary Tumor'.*TCGA-DU-6407-02A"):
        file_row(changed(sample_type="Primary Tumor"), [], STAR_COUNTS)
    with pytest.raises(IntegrityError, match=r"GDC file f-1: tumor_descriptor .*'Primary'.*TCGA-DU-6407-02A"):
        file_row(changed(tumor_descriptor="Primary"), [], STAR_COUNTS)
    assert file_row(changed(sample_type=None, tumor_descriptor="Not Reported"), [], STAR_COUNTS)["aliquot"] == BARCODE


@pytest.mark.parametrize("change", [{"cases": []}, {"cases": HIT["cases"] * 2}, {"portions": []}, {"file_size": "x"}])
def test_a_hit_without_exactly_one_aliquot_is_named(change):
    with pytest.raises(BadInputError, match=r"GDC file f-1: .*case, sample and aliquot"):
        file_row(changed(**change), [], STAR_COUNTS)


def test_an_aliquot_of_another_patient_is_refused():
    alien = [{"analytes": [{"aliquots": [{"submitter_id": "TCGA-XX-0001-02A-01R-0001-07"}]}]}]
    with pytest.raises(IntegrityError, match=r"GDC file f-1: aliquot TCGA-XX-0001-02A-01R-0001-07 .*TCGA-DU-6407"):
        file_row(changed(portions=alien), [], STAR_COUNTS)


@pytest.mark.parametrize("entity", ["TCGA-DU-6407", "TCGA-DU-6407-02A", "TCGA-DU-6407-02A-12R", BARCODE])
def test_an_annotation_covers_what_hangs_below_it(entity):
    note = {"entity_submitter_id": entity, "classification": "Redaction", "category": "Subject withdrew consent"}
    assert annotation_of(BARCODE, [note]) == "Subject withdrew consent"
    assert file_row(HIT, [note], STAR_COUNTS)["annotation"] == "Subject withdrew consent"


@pytest.mark.parametrize(
    "note",
    [
        {"entity_submitter_id": "TCGA-DU-6407-01A", "category": "Item flagged DNU"},
        {"entity_submitter_id": "TCGA-DU-6408", "category": "Item flagged DNU"},
        {"entity_submitter_id": BARCODE, "category": "Item is noncanonical", "classification": "Notification"},
        {"entity_submitter_id": BARCODE, "category": "Item flagged DNU", "status": "Rescinded"},
        {"entity_submitter_id": "", "classification": "Redaction"},
    ],
)
def test_other_annotations_withdraw_nothing(note):
    assert annotation_of(BARCODE, [note]) is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [("FFPE", "FFPE"), ("OCT", "OCT"), ("Unknown", None), ("Not Reported", None), (" ", None), (7, "7")],
)
def test_how_a_sample_was_preserved_is_asked_for_and_kept_where_it_is_stated(said, kept):
    assert "cases.samples.preservation_method" in files_query("TCGA-LGG", STAR_COUNTS)["fields"].split(",")
    hit = copy.deepcopy(HIT)
    hit["cases"][0]["samples"][0]["preservation_method"] = said
    assert file_row(hit, [], STAR_COUNTS)["preservation"] == kept
