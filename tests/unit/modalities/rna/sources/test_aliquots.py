import itertools

from mgi.locks.item import Item
from mgi.modalities.rna.sources import aliquots


def offer(barcode, **changes):
    given = {"patient_id": barcode[:12], "key": barcode, "role": "rna", "size": 1, "chosen": False, "reason": ""}
    return Item(**{**given, **changes})


def choose_aliquots(offers, withdrawn=None):
    return {item.key: item for item in aliquots.choose_aliquots(offers, lambda item: item.key, withdrawn)}


DU = [f"TCGA-DU-6407-{sample}-R-A36H-07" for sample in ("01A-13", "02A-12", "02B-11")]


def test_a_recurrence_is_never_taken_for_the_primary_tumour():
    for order in itertools.permutations(DU):
        found = choose_aliquots([offer(barcode) for barcode in order])
        assert [found[barcode].chosen for barcode in DU] == [True, False, False]
    assert found[DU[1]].reason == "recurrent sample"
    assert found[DU[0]].reason == "primary tumour"


def test_a_primary_may_be_vial_b():
    found = choose_aliquots([offer("TCGA-FG-5965-01B-11R-1896-07")])
    assert found["TCGA-FG-5965-01B-11R-1896-07"].chosen


def test_of_two_primaries_the_highest_barcode_wins_and_the_loser_is_named():
    low, high = "TCGA-HT-0001-01A-11R-A001-07", "TCGA-HT-0001-01A-12R-A001-07"
    found = choose_aliquots([offer(high), offer(low)])
    assert found[high].chosen
    assert found[low].reason == f"other aliquot preferred: {high}"


def test_withdrawn_and_controlled_ones_are_not_chosen_and_leave_the_place_to_others():
    low, high = "TCGA-HT-0001-01A-11R-A001-07", "TCGA-HT-0001-01A-12R-A001-07"
    found = choose_aliquots([offer(low), offer(high)], {high: "Item flagged DNU"})
    assert found[low].chosen
    assert found[high].reason == "annotated: Item flagged DNU"
    assert choose_aliquots([offer(high, reason="controlled access")])[high].reason == "controlled access"


def test_normal_tissue_is_named_by_its_code():
    barcode = "TCGA-HT-0001-11A-11R-A001-07"
    assert choose_aliquots([offer(barcode)])[barcode].reason == "not a primary tumour sample (code 11)"


def test_a_label_without_sample_stands_for_its_patient():
    found = choose_aliquots([offer("TCGA-HT-0001")])
    assert found["TCGA-HT-0001"].chosen
    assert found["TCGA-HT-0001"].reason == "labelled by patient"


def test_all_samples_of_one_case_in_every_order_and_spelling_leave_the_same_primary():
    samples = [f"TCGA-DU-6404-{sample}-11R-A36H-07" for sample in ("01A", "01B", "02A", "11A")]
    spellings = (str, str.lower, lambda barcode: barcode.replace("-", "_"))
    for spelling in spellings:
        for order in itertools.permutations(samples):
            found = choose_aliquots([offer(spelling(barcode), patient_id="TCGA-DU-6404") for barcode in order])
            assert [found[spelling(barcode)].chosen for barcode in samples] == [False, True, False, False]
