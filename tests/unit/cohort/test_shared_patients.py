import numpy as np

from mgi.cohort.shared_patients import same_slices, same_values, slice_owners
from mgi.shards.image_shard import PatientImages

RNG = np.random.default_rng(0)


def patient(name: str, slices: np.ndarray) -> PatientImages:
    return PatientImages(
        patient_id=name, slices=slices, masks=None, spacing_mm=None, positions_mm=None, source=name
    )  # fmt: skip


def drawn() -> np.ndarray:
    return RNG.integers(0, 100, (3, 8, 8)).astype(np.int16)


def test_one_slice_in_common_is_enough_wherever_it_lies() -> None:
    first, other = drawn(), drawn()
    copy = np.concatenate([drawn(), first[2:]])
    known = slice_owners([patient("A", first), patient("B", other)])
    assert same_slices(known, [patient("C", copy), patient("D", drawn())]) == {"C": "A"}


def test_slices_of_next_to_nothing_and_of_another_type_or_grid_are_not_the_same() -> None:
    first = drawn()
    first[0], first[1] = 7, 0
    first[1, 3, 3] = 9
    large = np.zeros((1, 20, 20), np.int16)
    large[0, 3, 3] = 9
    known = slice_owners([patient("A", first), patient("L", large)])
    nearly = np.stack([first[0], first[0]])
    others = [nearly, large, first[2:].astype(np.int32), first[2:].reshape(1, 4, 16)]
    assert same_slices(known, [patient(f"B{place}", one) for place, one in enumerate(others)]) == {}


def test_expression_is_the_same_only_value_by_value() -> None:
    values = np.array([0.0, 1.5, -2], np.float32)
    known = {"A": values, "B": values + 1}
    others = {"C": np.array([-0.0, 1.5, -2], np.float32), "D": values + np.float32(1e-3)}
    assert same_values(known, others) == {"C": "A"}
