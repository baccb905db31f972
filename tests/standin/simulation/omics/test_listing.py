"""What a client is told of the files: through the service, by the queries of the GDC's documentation."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from mgi_standin.archive.server import serve

QUERIES = {
    "cn": ("Gene Level Copy Number", "Genotyping Array", "ASCAT3"),
    "mutation": ("Masked Somatic Mutation", "WXS", "Aliquot Ensemble Somatic Variant Merging and Masking"),
    "methylation": ("Methylation Beta Value", "Methylation Array", "SeSAMe Methylation Beta Estimation"),
    "mirna": ("miRNA Expression Quantification", "miRNA-Seq", "BCGSC miRNA Profiling"),
    "rppa": ("Protein Expression Quantification", "Reverse Phase Protein Array", None),
}
LACKED_BY_NOBODY = ("mutation", "methylation", "mirna")
SUFFIXES = {
    "cn": ".ascat3.gene_level_copy_number.v36.tsv",
    "mutation": ".wxs.aliquot_ensemble_masked.maf.gz",
    "methylation": ".methylation_array.sesame.level3betas.txt",
    "mirna": ".mirbase21.mirnas.quantification.txt",
    "rppa": "_RPPA_data.tsv",
}
FIELDS = (
    "file_id,file_name,file_size,md5sum,access,analysis.workflow_type,associated_entities.entity_submitter_id,"
    "associated_entities.entity_type,associated_entities.case_id,cases.case_id,cases.submitter_id,"
    "cases.samples.submitter_id,cases.samples.tissue_type,cases.samples.tumor_descriptor,"
    "cases.samples.preservation_method"
)
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def service_url(omics_archive: Path) -> Iterator[str]:
    with serve(omics_archive) as running:
        yield running.url


@pytest.fixture(scope="module")
def listed(service_url: str) -> Ask:
    """POST /files for open files of a data type, a strategy and a workflow; all hits in one page."""

    def ask(data_type: str, strategy: str, workflow: str | None, access: str = "open") -> dict[str, Any]:
        values = {
            "cases.project.project_id": "TCGA-LGG",
            "data_type": data_type,
            "experimental_strategy": strategy,
            "access": access,
        } | ({"analysis.workflow_type": workflow} if workflow else {})
        content = [{"op": "in", "content": {"field": field, "value": [value]}} for field, value in values.items()]
        body = {"filters": {"op": "and", "content": content}, "fields": FIELDS, "sort": "file_id:asc", "size": 1000}
        reply = requests.post(f"{service_url}/files", json=body, timeout=10)
        assert reply.status_code == 200
        assert reply.json()["warnings"] == {}
        return reply.json()["data"]

    return ask


@pytest.mark.parametrize("modality", QUERIES)
def test_a_query_returns_the_files_of_its_kind_alone(listed, modality):
    hits = listed(*QUERIES[modality])["hits"]
    assert len(hits) > 20
    assert all(hit["file_name"].endswith(SUFFIXES[modality]) for hit in hits)
    assert {hit["access"] for hit in hits} == {"open"}


@pytest.mark.parametrize(("modality", "workflow"), [("cn", "ASCAT2"), ("cn", "ABSOLUTE LiftOver")])
def test_other_workflows_of_the_same_data_type_lie_beside(listed, modality, workflow):
    data_type, strategy, usual = QUERIES[modality]
    others = listed(data_type, strategy, workflow)["hits"]
    assert len(others) == 3
    assert not {hit["file_id"] for hit in others} & {
        hit["file_id"] for hit in listed(data_type, strategy, usual)["hits"]
    }


@pytest.mark.parametrize(
    ("data_type", "modality", "access"),
    [
        ("Allele-specific Copy Number Segment", "cn", "open"),
        ("Aggregated Somatic Mutation", "mutation", "controlled"),
        ("Masked Intensities", "methylation", "open"),
        ("Isoform Expression Quantification", "mirna", "open"),
    ],
)
def test_other_data_types_of_the_same_workflow_lie_beside(listed, data_type, modality, access):
    _, strategy, workflow = QUERIES[modality]
    assert listed(data_type, strategy, workflow, access)["pagination"]["total"] == 3


@pytest.mark.parametrize("workflow", ["ascat3", "ASCAT4", "Ascat3"])
def test_a_workflow_that_is_not_spelt_so_gives_nothing_and_no_error(listed, workflow):
    assert listed("Gene Level Copy Number", "Genotyping Array", workflow)["pagination"]["total"] == 0


@pytest.mark.parametrize("modality", ["cn", "mutation"])
def test_a_pair_names_a_tumour_and_its_normal_tissue_in_either_order(listed, modality):
    orders = set()
    for hit in listed(*QUERIES[modality])["hits"]:
        barcodes = [entity["entity_submitter_id"] for entity in hit["associated_entities"]]
        samples = hit["cases"][0]["samples"]
        assert {entity["entity_type"] for entity in hit["associated_entities"]} == {"aliquot"}
        assert sorted(barcode[13:14] for barcode in barcodes) == ["0", "1"]
        assert {barcode[:16] for barcode in barcodes} == {sample["submitter_id"] for sample in samples}
        assert {sample["tissue_type"] for sample in samples} == {"Tumor", "Normal"}
        assert {len(barcode) for barcode in barcodes} == {28}
        orders.add(barcodes[0][13])
    assert orders == {"0", "1"}


@pytest.mark.parametrize("modality", ["methylation", "mirna"])
def test_one_aliquot_is_named_where_one_was_measured(listed, modality):
    for hit in listed(*QUERIES[modality])["hits"]:
        (entity,), (sample,) = hit["associated_entities"], hit["cases"][0]["samples"]
        assert entity["entity_type"] == "aliquot"
        assert entity["entity_submitter_id"].startswith(sample["submitter_id"])
        assert entity["case_id"] == hit["cases"][0]["case_id"]


def test_proteins_are_of_a_portion_without_workflow_analytes_and_aliquots(listed, service_url):
    for hit in listed(*QUERIES["rppa"])["hits"]:
        (entity,) = hit["associated_entities"]
        assert entity["entity_type"] == "portion"
        assert len(entity["entity_submitter_id"]) == 19
        assert hit["analysis"]["workflow_type"] is None
        assert hit["file_name"].startswith(entity["entity_submitter_id"])
    fields = "cases.samples.portions.submitter_id,cases.samples.portions.analytes.submitter_id"
    body = {
        "filters": {"op": "=", "content": {"field": "data_category", "value": "Proteome Profiling"}},
        "fields": fields,
    }
    hits = requests.post(f"{service_url}/files", json=body, timeout=10).json()["data"]["hits"]
    assert {tuple(hit["cases"][0]["samples"][0]["portions"][0]) for hit in hits} == {("submitter_id",)}


@pytest.mark.parametrize("modality", LACKED_BY_NOBODY)
def test_some_have_recurrences_other_vials_and_formalin(listed, modality):
    samples = defaultdict(set)
    kept = set()
    for hit in listed(*QUERIES[modality])["hits"]:
        tumour = next(sample for sample in hit["cases"][0]["samples"] if sample["tissue_type"] == "Tumor")
        samples[hit["cases"][0]["submitter_id"]].add(tumour["submitter_id"][13:])
        kept.add((tumour["submitter_id"][13:], tumour["preservation_method"]))
        assert (tumour["tumor_descriptor"] == "Primary") == (tumour["submitter_id"][13:15] == "01")
    assert {"01A"} in samples.values()
    assert {"01A", "02A"} in samples.values()
    assert {"01B"} in samples.values()
    assert ("01B", "FFPE") in kept


@pytest.mark.parametrize("modality", LACKED_BY_NOBODY)
def test_one_patient_has_two_files_of_a_sample(listed, modality):
    barcodes = [
        entity["entity_submitter_id"]
        for hit in listed(*QUERIES[modality])["hits"]
        for entity in hit["associated_entities"]
        if entity["entity_submitter_id"][13] == "0"
    ]
    assert len(set(barcodes)) == len(barcodes)
    assert len({barcode[:16] for barcode in barcodes}) == len(barcodes) - 1


@pytest.mark.parametrize("modality", LACKED_BY_NOBODY)
def test_one_file_is_withdrawn_by_an_annotation_of_its_entity(listed, service_url, modality):
    notes = requests.get(f"{service_url}/annotations", params={"size": 100}, timeout=10).json()["data"]["hits"]
    redacted = {note["entity_submitter_id"] for note in notes if note["classification"] == "Redaction"}
    entities = [
        e["entity_submitter_id"] for hit in listed(*QUERIES[modality])["hits"] for e in hit["associated_entities"]
    ]
    assert redacted & set(entities)


@pytest.mark.parametrize("modality", QUERIES)
def test_a_download_has_its_digest_and_goes_on_from_a_part(listed, service_url, modality):
    hit = listed(*QUERIES[modality])["hits"][0]
    whole = requests.get(f"{service_url}/data/{hit['file_id']}", timeout=10)
    assert whole.headers["Content-MD5"] == hit["md5sum"]
    assert len(whole.content) == hit["file_size"]
    rest = requests.get(f"{service_url}/data/{hit['file_id']}", headers={"Range": "bytes=100-"}, timeout=10)
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
