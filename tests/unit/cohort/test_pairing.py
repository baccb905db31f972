from dataclasses import replace
from typing import Any

import pytest

from mgi.cohort.pairing import CohortRow, Offer, pair_patients, sites_of
from mgi.core.errors import BadInputError
from mgi.locks.item import Item, metadata
from mgi.locks.lock import Lock
from mgi.locks.raw_index import RawEntry
from mgi.modalities.registry import modality
from small_locks import flair_lock, profile, rna_lock
from small_locks import series as series_of


def gene(patient: str, code: str = "01A", **changes: Any) -> Item:
    return profile(patient, code, **changes)


def series(patient: str, role: str = "flair", *, name: str = "", **changes: Any) -> Item:
    return series_of(patient, role, **{"key": f"{role}-{name}-{patient}", "description": name, **changes})


def raw_of(items: list[Item], rejected: dict[str, str] | None = None) -> dict[str, RawEntry]:
    return {
        item.key: RawEntry(
            patient_id=item.patient_id, key=item.key, role=item.role, path=None, size=1, sha256="0",
            rejected=(rejected or {}).get(item.key), metadata=metadata(n_images=21),
        )
        for item in items
        if item.chosen
    }  # fmt: skip


def offer(lock: Lock, raw: dict[str, RawEntry]) -> Offer:
    kind = modality(lock.modality)
    return Offer(lock=lock, raw=raw, absent=kind.absent, note=kind.note, companions=kind.companions, fits=kind.fits)


def pair(
    genes: list[Item],
    images: list[Item],
    *,
    source: str = "tcia",
    rejected: dict[str, str] | None = None,
    exclude: tuple[str, ...] = (),
    required: tuple[str, ...] | None = None,
    any_of: tuple[str, ...] = (),
) -> dict[str, CohortRow]:
    offers = [
        offer(rna_lock(*genes), raw_of(genes, rejected)),
        offer(flair_lock(*images, source=source, simulated=True), raw_of(images, rejected)),
    ]
    rows = pair_patients(offers, required=required, any_of=any_of, exclude=exclude)
    assert [row.patient_id for row in rows] == sorted(row.patient_id for row in rows)
    return {row.patient_id: row for row in rows}


A, B, C = "TCGA-DU-0001", "TCGA-CS-0002", "TCGA-HT-0003"


def whole(patient: str) -> list[Item]:
    return [series(patient), series(patient, "mask")]


def test_a_patient_with_genes_image_and_mask_is_kept() -> None:
    row = pair([gene(A)], whole(A))[A]
    assert (row.reason, row.site, row.simulated) == (None, "DU", True)
    rna, flair = row.modalities["rna"], row.modalities["flair"]
    assert (rna.present, flair.present, flair.reasons) == (True, True, [])
    assert (rna.key, flair.key) == (f"g-{A}-01A-11R-A001-07", f"flair--{A}")
    assert flair.companions["mask"].keys == (f"mask--{A}",)


def test_every_patient_of_either_lock_has_one_row() -> None:
    rows = pair([gene(A), gene(B)], [*whole(A), *whole(C)])
    assert list(rows) == [B, A, C]
    assert {patient: row.reason for patient, row in rows.items()} == {A: None, B: "no image", C: "no expression"}


def test_a_recurrent_sample_is_named_beside_the_primary() -> None:
    genes = [gene(A), gene(A, "02A", chosen=False, reason="recurrent sample"), gene(A, "02B", chosen=False, reason="x")]
    row = pair(genes, whole(A))[A]
    assert row.reason is None
    assert row.notes == f"{A}-02A-11R-A001-07: recurrent sample; {A}-02B-11R-A001-07: x"


def test_a_patient_with_a_recurrence_only_has_no_primary_sample() -> None:
    assert (
        pair([gene(A, "02A", chosen=False, reason="recurrent sample")], whole(A))[A].reason
        == "no primary tumour sample"
    )


def test_a_primary_that_was_not_chosen_leaves_no_expression() -> None:
    row = pair([gene(A, chosen=False, reason="controlled access")], whole(A))[A]
    assert row.reason == "no expression"
    assert "controlled access" in row.notes


def test_series_without_a_flair_are_told_from_no_series() -> None:
    other = series(A, "other", chosen=False, name="AX T1")
    decoy = series(A, "flair", chosen=False, reason="a T1", name="AX T1 FLAIR")
    row = pair([gene(A)], [other, decoy])[A]
    assert row.reason == "no FLAIR series"
    assert row.notes == "AX T1 FLAIR: a T1"


def test_an_image_without_mask_is_dropped_but_has_an_image() -> None:
    row = pair([gene(A)], [series(A)])[A]
    assert (row.reason, row.modalities["flair"].present) == ("no mask", True)
    assert not row.modalities["flair"].companions["mask"].present


def test_a_rejected_image_has_no_image() -> None:
    row = pair([gene(A)], whole(A), rejected={f"flair--{A}": "EchoTime 12 ms"})[A]
    assert row.reason == "flair rejected: EchoTime 12 ms"
    assert row.modalities["flair"].key is None


def test_a_rejected_mask_is_noted_and_another_serves() -> None:
    images = [*whole(A), series(A, "mask", name="2")]
    row = pair([gene(A)], images, rejected={f"mask--{A}": "broken"})[A]
    assert (row.reason, row.notes) == (None, "mask rejected: broken")
    assert row.modalities["flair"].companions["mask"].keys == (f"mask-2-{A}",)
    assert pair([gene(A)], whole(A), rejected={f"mask--{A}": "broken"})[A].reason == "no mask"


def test_rejected_expression_is_named() -> None:
    genes = [gene(A)]
    assert pair(genes, whole(A), rejected={genes[0].key: "cut"})[A].reason == "rna rejected: cut"


def test_the_first_reason_counts_and_the_others_are_noted() -> None:
    row = pair([], [series(A)])[A]
    assert (row.reason, row.notes) == ("no expression", "no mask")


def test_a_kaggle_folder_brings_its_masks() -> None:
    row = pair([gene(A)], [series(A, holds=("mask",))], source="kaggle")[A]
    mask = row.modalities["flair"].companions["mask"]
    assert (row.reason, mask.present, mask.keys) == (None, True, ())


def test_a_kaggle_folder_without_masks_is_told_so() -> None:
    assert (
        pair([gene(A)], [series(A, chosen=False, reason="no mask for slice 2")], source="kaggle")[A].reason == "no mask"
    )


def test_an_excluded_patient_is_dropped_with_its_own_reason() -> None:
    rows = pair([gene(A), gene(B)], [*whole(A), *whole(B)], exclude=(A,))
    assert rows[A].reason == "excluded by the configuration"
    assert rows[B].reason is None
    assert pair([gene(A)], whole(A), exclude=(A.replace("-", ".").lower(),))[A].reason == rows[A].reason
    with pytest.raises(BadInputError, match=f"exclude: {C}"):
        pair([gene(A)], whole(A), exclude=(C,))


def test_two_chosen_items_of_one_patient_are_refused() -> None:
    with pytest.raises(BadInputError, match=f"{A}: 2 .*rna"):
        pair([gene(A, "01A"), gene(A, "01B")], whole(A))
    with pytest.raises(BadInputError, match=f"{A}: 2 .*flair"):
        pair([gene(A)], [series(A), series(A, name="2")])


def test_a_chosen_item_that_was_never_fetched_is_refused() -> None:
    with pytest.raises(BadInputError, match=f"{A}: g-{A}.*raw index"):
        pair_patients([offer(rna_lock(gene(A)), {})])


def test_an_item_fetched_for_another_patient_is_refused() -> None:
    (right,), (wrong,) = [gene(A)], raw_of([gene(B)]).values()
    with pytest.raises(BadInputError, match=f"g-{A}.* of {B} .* of {A} "):
        pair_patients([offer(rna_lock(right), {right.key: wrong})])


def test_a_patient_is_kept_for_what_is_required_alone() -> None:
    rows = pair([gene(A), gene(B)], [*whole(A), series(C)], required=("rna",))
    assert {patient: row.reason for patient, row in rows.items()} == {A: None, B: None, C: "no expression"}
    assert rows[B].modalities["flair"].reason == "no image"
    with pytest.raises(BadInputError, match=r"required: slides.*rna, flair"):
        pair([gene(A)], whole(A), required=("slides",))


def test_of_several_images_one_is_enough_and_its_mask_may_be_missing() -> None:
    without_mask = [series(A), series(C)]
    rows = pair([gene(A), gene(B)], without_mask, required=("rna",), any_of=("flair",))
    assert {patient: row.reason for patient, row in rows.items()} == {A: None, B: "none of flair", C: "no expression"}
    with pytest.raises(BadInputError, match=r"required: slides.*rna, flair"):
        pair([gene(A)], whole(A), required=("rna",), any_of=("slides",))


PATIENTS = ["TCGA-CS-4941", "P1", "P2"]


def test_without_a_table_barcodes_say_and_all_others_have_one_site():
    assert sites_of(PATIENTS, None) == {"TCGA-CS-4941": "CS", "P1": "one site", "P2": "one site"}


def test_a_table_says_and_barcodes_fill_in(tmp_path):
    path = tmp_path / "sites.tsv"
    path.write_text("patient_id\tsite\nP1\tHeidelberg\nP2\tBergen\nP3\tBergen\n")
    assert sites_of(PATIENTS, path) == {"TCGA-CS-4941": "CS", "P1": "Heidelberg", "P2": "Bergen"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("patient_id\tsite\nP1\tA\n", r"sites\.tsv: .*\bP2\b"),
        ("patient_id\tsite\nP1\t\n", r"sites\.tsv: line 2: site ''"),
        ("patient_id\tsite\nP1\tA\nP1\tB\n", r"sites\.tsv: line 3: patient_id 'P1'.*\bA\b.*\bB\b"),
        ("patient\tsite\n", r"sites\.tsv: .*\['patient', 'site'\].*\['patient_id', 'site'\]"),
    ],
)
def test_a_table_that_is_wrong_is_named(tmp_path, text, said):
    path = tmp_path / "sites.tsv"
    path.write_text(text)
    with pytest.raises(BadInputError, match=said):
        sites_of(PATIENTS, path)


def runner_up_of(patient: str, **changes: Any) -> dict[str, CohortRow]:
    """A patient whose chosen image is rejected, with a runner-up of another study and its mask."""
    first = series(patient, chosen=True, name="COR FLAIR")
    second = series(patient, chosen=False, name="FLAIR", study_uid="7", runner_up=1, reason="other study preferred")
    own = series(patient, "mask", chosen=False, name="seg", study_uid="7", runner_up=1)
    items = [first, series(patient, "mask"), second, own]
    fetched = [replace(item, chosen=True) for item in items]
    rejected = {first.key: "slices are not axial", **changes}
    genes = [gene(patient)]
    offers = [
        offer(rna_lock(*genes), raw_of(genes)),
        offer(flair_lock(*items, simulated=True), raw_of(fetched, rejected)),
    ]
    return {row.patient_id: row for row in pair_patients(offers)}


def test_a_runner_up_serves_with_the_masks_of_its_own_study() -> None:
    row = runner_up_of(A)[A]
    flair = row.modalities["flair"]
    assert (row.reason, flair.key, flair.companions["mask"].keys) == (None, f"flair-FLAIR-{A}", (f"mask-seg-{A}",))
    assert row.notes == f"flair-FLAIR-{A} serves in the place of flair-COR FLAIR-{A}: slices are not axial"


def test_where_no_runner_up_serves_the_reason_is_the_chosen_one_s_and_the_others_are_told() -> None:
    row = runner_up_of(A, **{f"flair-FLAIR-{A}": "a T1 FLAIR"})[A]
    assert (row.reason, row.notes) == ("flair rejected: slices are not axial", "FLAIR: rejected: a T1 FLAIR")


def test_a_runner_up_that_was_never_tried_is_an_error() -> None:
    items = [series(A), series(A, chosen=False, name="next", runner_up=1)]
    images = offer(flair_lock(*items), raw_of(items, {items[0].key: "not axial"}))
    with pytest.raises(BadInputError, match=r"TCGA-DU-0001: flair-next-TCGA-DU-0001: .*fetch it again"):
        pair_patients([images])


def test_doubts_about_an_image_are_told() -> None:
    image = series(A)
    entry = replace(raw_of([image])[image.key], doubts=("ImageType DERIVED: derived",))
    (row,) = pair_patients(
        [offer(flair_lock(image, series(A, "mask")), {**raw_of([series(A, "mask")]), image.key: entry})]
    )
    assert (row.reason, row.notes) == (None, f"{image.key}: ImageType DERIVED: derived")
