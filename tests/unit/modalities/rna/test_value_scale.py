import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna.filter import AS_GIVEN, LOG_TPM
from mgi.modalities.rna.scaling import robust_centre_and_spread, z_scores
from mgi.modalities.rna.value_scale import (
    kind_of_values,
    other_scale,
    patients_out_of_scale,
    require_unit,
    scale_note,
)

RNG = np.random.default_rng(0)
LINEAR = RNG.gamma(0.5, 100, size=600) * RNG.lognormal(0, 0.5, size=(30, 600))
LOGS = np.log2(LINEAR + 1)
CENTRED = (LOGS - LOGS.mean(axis=0)) / LOGS.std(axis=0)
PATIENTS = [f"P{number}" for number in range(30)]


@pytest.mark.parametrize(("values", "kind"), [(LINEAR, "linear"), (LOGS, "logs"), (CENTRED, "centred")])
def test_the_scale_is_told_by_the_extremes(values: np.ndarray, kind: str) -> None:
    assert kind_of_values(values) == kind
    assert kind_of_values(values.astype(np.float32)) == kind


def test_linear_values_in_a_table_are_said() -> None:
    assert "look like linear values" in scale_note(LINEAR)
    assert "log2(x + 1)" in scale_note(LINEAR)
    assert scale_note(np.array([[0.0, 13.5]])) == "values from 0 to 13.5 look like logarithms"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (642.0, LOG_TPM, "at most 20; .*linear"),
        (21.0, LOG_TPM, "at most 20; .*linear"),
        (51.0, "log2(FPKM+1)", "at most 50; .*linear"),
        (-0.5, LOG_TPM, "at least 0; .*z-scores"),
    ],
)
def test_values_that_a_unit_cannot_have_are_refused_with_their_gene(value: float, unit: str, said: str) -> None:
    with pytest.raises(BadInputError, match=rf"t\.tsv: gene B: found {value:g}, expected {unit.split('(')[0]}.*{said}"):
        require_unit(np.array([1.0, value, np.nan]), unit, ["A", "B", "C"], "t.tsv")


def test_values_that_a_unit_can_have_pass() -> None:
    require_unit(np.array([0.0, 19.93, np.nan]), LOG_TPM, ["A", "B", "C"], "t")
    require_unit(np.array([31.0]), "log2(count+1)", ["A"], "t")
    require_unit(np.array([-5.0, 1e6]), AS_GIVEN, ["A", "B"], "t")
    require_unit(np.array([np.nan]), LOG_TPM, ["A"], "t")


@pytest.mark.parametrize("trained", ["linear", "logs", "centred"])
@pytest.mark.parametrize("given", ["linear", "logs", "centred"])
def test_another_kind_of_values_than_in_training_is_told(trained: str, given: str) -> None:
    kinds = {"linear": LINEAR, "logs": LOGS, "centred": CENTRED}
    found = other_scale(kinds[given][:1], kinds[trained].mean(axis=0), kinds[trained].std(axis=0))
    unsure = (given, trained) == ("logs", "centred")  # logs of few genes may pass for z-scores
    assert (found is None) == (given == trained or unsure)


@pytest.mark.parametrize("values", [LINEAR, LOGS, CENTRED])
def test_no_patient_is_odd_where_all_are_on_one_scale(values: np.ndarray) -> None:
    assert patients_out_of_scale(values, PATIENTS) == []


@pytest.mark.parametrize("values", [LINEAR, LOGS, CENTRED])
def test_a_patient_at_a_hundred_times_the_scale_is_named_with_what_it_does_to_the_others(values: np.ndarray) -> None:
    odd = values.copy()
    odd[7] *= 100
    first, last = patients_out_of_scale(odd, PATIENTS)
    assert first.startswith("P7: values are ")
    shrink = float(np.median(np.delete(odd, 7, axis=0).std(axis=0) / odd.std(axis=0)))
    assert f"of all others are {shrink:.2g} of" in last
    assert "scaler: robust" in last


@pytest.mark.parametrize(("most", "one"), [(LINEAR, LINEAR / 100), (LOGS, LINEAR), (LINEAR, LOGS)])
def test_a_patient_far_below_or_on_another_scale_is_named(most: np.ndarray, one: np.ndarray) -> None:
    odd = most.copy()
    odd[3] = one[3]
    assert patients_out_of_scale(odd, PATIENTS)[0].startswith("P3: ")


def test_real_z_scores_have_no_patient_out_of_scale(real_data) -> None:
    table = pd.read_parquet(real_data / "expression/tcga_lgg_rsem_zscore_1544genes.parquet")
    assert patients_out_of_scale(table.to_numpy(np.float32), table.index.tolist()) == []
    assert kind_of_values(table.to_numpy(np.float32)) == "centred"


def test_one_patient_does_not_move_the_robust_scale() -> None:
    plain = robust_centre_and_spread(LOGS)
    odd = LOGS.copy()
    odd[7] *= 100
    centre, spread = robust_centre_and_spread(odd)
    others = np.delete(np.arange(30), 7)
    ratio = z_scores(odd, centre, spread)[others].std() / z_scores(LOGS, *plain)[others].std()
    assert 0.9 < ratio < 1.1
    shrunk = z_scores(odd, odd.mean(axis=0), odd.std(axis=0))[others].std()
    assert shrunk < 0.2


def test_the_robust_scale_by_hand_and_where_most_values_are_one() -> None:
    values = np.array([[1.0, 0, 0], [2.0, 0, 0], [3.0, 0, 0], [4.0, 2, 0], [100.0, 2, 10]])
    centre, spread = robust_centre_and_spread(values)
    assert centre.tolist() == [3.0, 0.0, 0.0]
    assert spread == pytest.approx([1.4826, 2 / 1.349, 4.0])  # MAD 1; MAD 0, quartiles 0 and 2; both 0
