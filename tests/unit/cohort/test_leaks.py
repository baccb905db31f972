import pytest

from mgi.cohort.leaks import leaks_of

ROLES = [("A", "train"), ("B", "validation"), ("C", "test"), ("D", "unpaired_expression"), ("E", "unpaired_image")]


def test_patients_with_nothing_in_common_leak_nothing() -> None:
    genes = {patient: {patient.encode()} for patient, _ in ROLES}
    assert leaks_of(0, ROLES, {"gene vector": genes, "image slice": genes}) == []


@pytest.mark.parametrize("kind", ["gene vector", "image slice"])
@pytest.mark.parametrize(
    ("first", "second"), [("A", "B"), ("A", "C"), ("B", "C"), ("C", "D"), ("B", "D"), ("A", "E"), ("D", "E")]
)
def test_a_digest_on_two_sides_is_a_leak_with_both_names(kind: str, first: str, second: str) -> None:
    digests = {first: [b"own", b"shared"], second: [b"shared", b"other"]}
    roles = dict(ROLES)
    (leak,) = leaks_of(3, ROLES, {kind: digests})
    expected = f"fold 3: {first} ({roles[first]}) and {second} ({roles[second]}) have the same {kind}"
    assert str(leak) == expected


def test_a_digest_on_one_side_is_no_leak() -> None:
    roles = [
        ("A", "train"),
        ("B", "train"),
        ("D", "unpaired_expression"),
        ("X", "test"),
        ("Y", "test"),
        ("Z", "unpaired_image"),
    ]
    shared = {**dict.fromkeys("ABD", (b"1",)), **dict.fromkeys("XYZ", (b"2",))}
    assert leaks_of(0, roles, {"image slice": shared}) == []


def test_a_patient_in_two_roles_is_a_leak_and_named_once() -> None:
    roles = [("A", "train"), ("A", "test"), ("B", "test")]
    leaks = leaks_of(1, roles, {"gene vector": {"A": [b"1"], "B": [b"2"]}})
    assert [str(leak) for leak in leaks] == ["fold 1: A (test) and A (train) have the same patient id"]


def test_several_slices_in_common_are_one_leak() -> None:
    slices = {"A": [b"1", b"2", b"3"], "C": [b"1", b"2", b"3"]}
    assert len(leaks_of(0, ROLES, {"image slice": slices})) == 1
