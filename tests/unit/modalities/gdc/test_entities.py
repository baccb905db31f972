"""What a file of the GDC is of, whichever entities the archive associates with it."""

import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.modalities.gdc.listing import file_row, files_query, optional_fields
from mgi.modalities.gdc.query import GdcQuery

TUMOUR, NORMAL = "TCGA-DU-6407-01A-11D-1705-08", "TCGA-DU-6407-10A-01D-1705-08"


def query(entity, workflow_type="ASCAT3"):
    return GdcQuery(
        modality="own", what="numbers", data_category="Copy Number Variation", data_type="Gene Level Copy Number",
        experimental_strategy="Genotyping Array", workflow_type=workflow_type, suffix=".tsv", entity=entity,
    )  # fmt: skip


def hit(*barcodes, kind="aliquot", samples=None):
    entities = [
        {"entity_submitter_id": barcode, "entity_type": kind, "entity_id": f"id of {barcode}"} for barcode in barcodes
    ]
    own = [{"submitter_id": sample} for sample in samples or sorted({barcode[:16] for barcode in barcodes})]
    return {
        "file_id": "f-1", "file_name": "a.tsv", "file_size": 3, "md5sum": "0" * 32, "access": "open",
        "associated_entities": entities, "cases": [{"submitter_id": "TCGA-DU-6407", "samples": own}],
    }  # fmt: skip


def row(entity, *barcodes, **changes):
    found = file_row(hit(*barcodes, **changes), [], query(entity))
    return found["aliquot"], found["sample"], found["normal"], found["entity_id"]


@pytest.mark.parametrize("order", [(TUMOUR, NORMAL), (NORMAL, TUMOUR)])
def test_of_a_pair_the_tumour_is_told_by_its_sample_code(order):
    assert row("pair", *order) == (TUMOUR, TUMOUR[:16], NORMAL, f"id of {TUMOUR}")


def test_a_pair_whose_normal_is_not_listed_is_one_of_its_tumour():
    assert row("pair", TUMOUR) == (TUMOUR, TUMOUR[:16], None, f"id of {TUMOUR}")


@pytest.mark.parametrize(
    ("entity", "barcodes"),
    [
        ("pair", (TUMOUR, "TCGA-DU-6407-02A-11D-1705-08")),
        ("pair", (NORMAL,)),
        ("pair", (TUMOUR, NORMAL, "TCGA-DU-6407-11A-11D-1705-08")),
        ("aliquot", (TUMOUR, NORMAL)),
        ("aliquot", ()),
        ("portion", ()),
    ],
)
def test_a_file_of_other_entities_is_refused_with_all_of_them(entity, barcodes):
    with pytest.raises(BadInputError, match=r"^GDC file f-1: associated_entities: found .*one (aliquot|portion)"):
        row(entity, *barcodes, samples=["TCGA-DU-6407-01A"])


def test_a_portion_has_no_aliquot_and_no_analyte():
    barcode = "TCGA-DU-6407-01A-21"
    assert row("portion", barcode, kind="portion") == (barcode, barcode[:16], None, f"id of {barcode}")


def test_entities_of_another_kind_do_not_count():
    with pytest.raises(BadInputError, match=r"found none, expected one portion"):
        row("portion", TUMOUR)


def test_normal_tissue_alone_is_listed_for_the_choice_to_say_why_not():
    assert row("aliquot", NORMAL)[0] == NORMAL


def test_an_entity_of_another_case_is_refused():
    other = "TCGA-DU-0001-01A-11D-1705-08"
    with pytest.raises(IntegrityError, match=rf"aliquot {other} does not belong to case TCGA-DU-6407"):
        row("aliquot", other)


@pytest.mark.parametrize("changes", [{"associated_entities": None}, {"cases": []}, {"associated_entities": [{}]}])
def test_a_hit_of_another_shape_is_named(changes):
    with pytest.raises(BadInputError, match=r"^GDC file f-1: expected one case, sample and pair"):
        file_row({**hit(TUMOUR, NORMAL), **changes}, [], query("pair"))


def test_a_sample_that_the_case_does_not_have_is_named():
    with pytest.raises(BadInputError, match=r"^GDC file f-1: expected one case, sample and aliquot"):
        row("aliquot", TUMOUR, samples=["TCGA-DU-6407-01B"])


def test_a_query_without_a_workflow_filters_by_none_and_names_its_entities():
    asked = files_query("TCGA-LGG", query("portion", workflow_type=None))
    fields = {one["content"]["field"] for one in asked["filters"]["content"]}
    assert "analysis.workflow_type" not in fields
    assert "associated_entities.entity_submitter_id" in asked["fields"].split(",")
    assert not any("analytes" in field for field in asked["fields"].split(","))
    assert "associated_entities.entity_id" in optional_fields(query("pair"))
