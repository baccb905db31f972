from dataclasses import replace

import pytest

from mgi.core.ids import is_primary
from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.gdc_listing import StoredFile, aliquots_of, annotation_hits, file_hit, status, version_row

PATIENT = "TCGA-DU-Z001"
FILE = StoredFile(
    kind="star",
    aliquot=f"{PATIENT}-02A-12R-A36H-07",
    file_id="id",
    file_name="name.tsv",
    size=10,
    md5="0" * 32,
)


def test_aliquot_barcodes_have_28_characters_and_name_their_sample():
    barcodes = [barcode for barcode, _ in aliquots_of(PATIENT, Availability(samples=("01A", "02A", "02B")), "key")]
    assert [barcode[:16] for barcode in barcodes] == [f"{PATIENT}-{sample}" for sample in ("01A", "02A", "02B")]
    assert {len(barcode) for barcode in barcodes} == {28}
    assert [is_primary(barcode) for barcode in barcodes] == [True, False, False]


def test_two_aliquots_of_one_sample_differ():
    first, second = (barcode for barcode, _ in aliquots_of(PATIENT, Availability(samples=("01A", "01A")), "key"))
    assert first[:16] == second[:16]
    assert first < second


def test_a_controlled_aliquot_would_win_by_its_barcode():
    (opened, access), (controlled, refused) = aliquots_of(PATIENT, Availability(controlled_aliquot=True), "key")
    assert (access, refused) == ("open", "controlled")
    assert is_primary(controlled)
    assert controlled > opened


def test_a_hit_nests_from_case_to_aliquot():
    hit = file_hit(FILE, [], "key")
    case = hit["cases"][0]
    sample = case["samples"][0]
    analyte = sample["portions"][0]["analytes"][0]
    assert case["submitter_id"] == PATIENT
    assert (sample["submitter_id"], sample["sample_type"]) == (f"{PATIENT}-02A", "Recurrent Tumor")
    assert sample["tumor_descriptor"] == "Recurrence"
    assert analyte["aliquots"][0]["submitter_id"] == FILE.aliquot
    assert sample["preservation_method"] == "Unknown"
    assert hit["analysis"]["workflow_type"] == "STAR - Counts"
    assert (hit["file_size"], hit["md5sum"], hit["version"]) == (10, "0" * 32, "1")
    assert "annotations" not in hit


def test_a_hit_carries_its_annotations_and_another_kind_another_workflow():
    assert file_hit(FILE, ["a"], "key")["annotations"] == [{"annotation_id": "a"}]
    assert file_hit(replace(FILE, kind="mirna"), [], "key")["experimental_strategy"] == "miRNA-Seq"


def test_a_superseded_version_points_to_the_latest():
    assert version_row(FILE)["superseded"] is False
    old = version_row(replace(FILE, file_id="old", superseded_by="id"))
    assert (old["id"], old["latest_id"], old["superseded"]) == ("old", "id", True)


@pytest.mark.parametrize(
    ("annotation", "entity_type", "category", "classification"),
    [
        ("flagged", "aliquot", "Item flagged DNU", "CenterNotification"),
        ("redacted", "case", "Subject withdrew consent", "Redaction"),
        ("observed", "aliquot", "General", "Observation"),
    ],
)
def test_annotations_name_their_entity(annotation, entity_type, category, classification):
    held = Availability(annotation=annotation)
    (hit,) = annotation_hits(PATIENT, held, "key")
    assert (hit["entity_type"], hit["category"], hit["classification"]) == (entity_type, category, classification)
    assert aliquots_of(PATIENT, held, "key")[0][0].startswith(hit["entity_submitter_id"])
    assert annotation_hits(PATIENT, Availability(), "key") == []


def test_the_status_names_a_release_and_says_simulated():
    assert status()["status"] == "OK"
    assert status()["data_release"].startswith("Data Release ")
    assert status()["simulated"] is True
