import itertools
from dataclasses import replace

import pytest

from mgi.locks.item import Item
from mgi.locks.samples import Samples
from mgi.modalities.gdc import aliquots
from mgi.modalities.gdc.absence import absent_of


def offer(barcode, **changes):
    given = {"patient_id": barcode[:12], "key": barcode, "role": "rna", "size": 1, "chosen": False, "reason": ""}
    return Item(**{**given, **changes})


def kept(barcode, preservation, **changes):
    return offer(barcode, metadata={"preservation": preservation}, **changes)


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
    spellings = (str, str.lower, lambda barcode: barcode.replace("-", "_"), lambda barcode: barcode.replace("-", "."))
    for spelling in spellings:
        for order in itertools.permutations(samples):
            found = choose_aliquots([offer(spelling(barcode), patient_id="TCGA-DU-6404") for barcode in order])
            assert [found[spelling(barcode)].chosen for barcode in samples] == [True, False, False, False]
            assert found[spelling(samples[1])].reason.endswith("(vial A before B where the preservation is not stated)")


A6 = ("TCGA-A6-6650-01A-11R-1774-07", "TCGA-A6-6650-01A-11R-A278-07", "TCGA-A6-6650-01B-02R-A277-07")


@pytest.mark.parametrize("method", ["FFPE", "ffpe", "Formalin fixed-buffered", "Formalin Fixed Paraffin Embedded"])
def test_a_formalin_fixed_profile_loses_to_a_frozen_one_of_any_barcode(method):
    for frozen in ({}, {"metadata": {"preservation": "OCT"}}):
        offers = [offer(A6[0], **frozen), offer(A6[1], **frozen), kept(A6[2], method)]
        for order in itertools.permutations(offers):
            found = choose_aliquots(order)
            assert [found[barcode].chosen for barcode in A6] == [False, True, False]
        assert found[A6[2]].reason == f"other aliquot preferred: {A6[1]} (frozen before formalin-fixed (FFPE))"
    low, high = "TCGA-A6-6650-01B-11R-1774-07", "TCGA-A6-6650-01A-11R-A278-07"
    assert choose_aliquots([kept(high, method), offer(low)])[low].chosen


def test_a_formalin_fixed_profile_alone_is_kept_and_says_so():
    found = choose_aliquots([kept(A6[2], "FFPE")])[A6[2]]
    assert (found.chosen, found.reason) == (True, "primary tumour, formalin-fixed (FFPE), no frozen profile")
    aliquots.check_profile(replace(found, sample=A6[2]), "rna")


def test_a_withdrawn_frozen_profile_leaves_the_place_to_the_fixed_one():
    found = choose_aliquots([offer(A6[0]), kept(A6[2], "FFPE")], {A6[0]: "Item flagged DNU"})
    assert found[A6[2]].chosen


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("01A-11H-A001-07", "01A-12R-A999-07"),
        ("01A-11R-A001-07", "01A-12T-A999-07"),
        ("01A-11H-A001-07", "01A-12T-A999-07"),
        ("01A-11T-A001-07", "01A-12X-A999-07"),
        ("01A-11R-A278-07", "01A-12R-1774-07"),  # the plate before the portion
        ("01A-11R-1774-07", "01A-11R-0905-07"),
        ("01A-12R-A278-07", "01A-11R-A278-07"),
        ("01A-11R-A278-13", "01A-11R-A278-07"),
        ("01A", "01B"),
        ("01A-11R-A001-07", "01B-11H-A999-07"),
    ],
)
def test_the_order_is_vial_analyte_plate_and_barcode(better, worse):
    barcodes = [f"TCGA-HT-0001-{rest}" for rest in (better, worse)]
    for order in (barcodes, barcodes[::-1]):
        found = choose_aliquots([offer(barcode) for barcode in order])
        assert [found[barcode].chosen for barcode in barcodes] == [True, False]


def test_of_two_frozen_vials_analyte_and_plate_decide():
    low, high = "TCGA-HT-0001-01A-11R-A001-07", "TCGA-HT-0001-01B-11R-A002-07"
    assert choose_aliquots([kept(low, "OCT"), kept(high, "Snap Frozen")])[high].chosen
    assert choose_aliquots([kept(low, "OCT"), offer(high)])[low].chosen


@pytest.mark.parametrize(
    ("one", "other"),
    [("01A", "01a"), ("01A", "01A.1"), ("01A_run1", "01A_run2"), ("01A-11R-A001-07", "01A-11R-A001-07_v2")],
)
def test_where_nothing_tells_profiles_apart_none_is_chosen(one, other):
    labels = [f"TCGA-HT-0001-{rest}" for rest in (one, other)]
    found = choose_aliquots([offer(label) for label in labels])
    assert not any(item.chosen for item in found.values())
    assert {item.reason for item in found.values()} == {
        "tie, nothing tells these profiles apart: " + ", ".join(sorted(labels))
    }
    assert absent_of("expression")(list(found.values())) == "several expression profiles that nothing tells apart"


def test_two_files_of_the_same_bytes_are_no_tie():
    offers = [replace(offer(A6[0]), key=key, sample=A6[0], md5="0" * 32) for key in ("b", "a")]
    found = {item.key: item for item in aliquots.choose_aliquots(offers, lambda item: item.sample)}
    assert (found["a"].chosen, found["b"].chosen) == (True, False)
    assert found["b"].reason == f"other aliquot preferred: {A6[0]} (the same bytes)"


VIALS = ("TCGA-HT-0001-01A-11D-A001-01", "TCGA-HT-0001-01B-11D-A001-01")


def beside(*offers, sample="TCGA-HT-0001-01B"):
    samples = Samples(modality="expression", of={"TCGA-HT-0001": sample})
    return {item.key: item for item in aliquots.choose_aliquots(offers, lambda item: item.key, None, samples)}


def test_the_sample_of_the_patients_other_data_comes_first_and_the_reason_says_so():
    found = beside(*map(offer, VIALS))
    assert found[VIALS[1]].reason == "primary tumour, the sample of expression"
    assert found[VIALS[0]].reason == (
        f"other aliquot preferred: {VIALS[1]} (another sample than the patient's other data)"
    )
    assert [aliquots.other_sample(item) for item in found.values()] == [None, None]
    assert beside(*map(offer, VIALS), sample="TCGA-HT-0001-01A")[VIALS[0]].chosen


def test_another_sample_is_taken_where_there_is_no_choice_and_the_cohort_is_told():
    found = beside(offer(VIALS[0], role="cn"))[VIALS[0]]
    assert (found.chosen, found.reason) == (True, "primary tumour, from another sample: 01A")
    assert aliquots.other_sample(found) == "cn from another sample: 01A"
    fixed = beside(kept(VIALS[0], "FFPE", role="cn"))[VIALS[0]]
    assert aliquots.other_sample(fixed) == "cn from another sample: 01A"


def test_a_patient_whose_other_data_name_no_sample_is_chosen_as_ever():
    found = beside(offer("TCGA-CS-0002-01A-11D-A001-01"))
    assert [item.reason for item in found.values()] == ["primary tumour"]


def test_of_two_pairs_of_one_tumour_the_normal_of_blood_decides():
    normals = {"blood": "TCGA-HT-0001-10A-01D-A001-08", "tissue": "TCGA-HT-0001-11A-01D-A999-08"}
    offers = [offer(VIALS[0], key=key, metadata={"normal": normal}) for key, normal in normals.items()]
    found = {item.key: item for item in aliquots.choose_aliquots(offers, lambda item: VIALS[0])}
    assert (found["blood"].chosen, found["tissue"].chosen) == (True, False)
    assert found["tissue"].reason.endswith("(normal of blood before one of tissue)")


def test_of_dna_the_later_plate_decides_before_the_amplified_analyte():
    plain, amplified = "TCGA-HT-0001-01A-11D-A001-01", "TCGA-HT-0001-01A-11W-A001-01"
    assert choose_aliquots([offer(plain), offer(amplified)])[plain].chosen
    later = amplified.replace("A001", "A278")
    assert choose_aliquots([offer(plain), offer(later)])[later].chosen
