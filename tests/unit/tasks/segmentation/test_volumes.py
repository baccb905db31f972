import math

import pandas as pd
import pytest

from mgi.tasks.segmentation.difference_figure import count_text, differences_figure
from mgi.tasks.segmentation.volume_figures import agreement_figure, limits_of_agreement, size_figure
from mgi.tasks.segmentation.volumes import (
    by_method,
    group_rows,
    shown_methods,
    site_groups,
    size_groups,
    volumes_of,
)


def patients(**means: float) -> pd.DataFrame:
    """Four patients of each method around its mean; MGI's own genes and another's."""
    rows = []
    for label, mean in means.items():
        method = label.replace("_", "-")
        for given in ("own", "permuted") if method == "mgi" else ("not_used",):
            rows += [
                {"method": method, "expression_input": given, "patient_id": name,
                 "volume": mean + 0.01 * i - 0.3 * (given == "permuted"),
                 "true_voxels": 100.0 * (i + 1), "predicted_voxels": 90.0 * (i + 1)}
                for i, name in enumerate("ABCD")
            ]  # fmt: skip
    return pd.DataFrame(rows)


def test_mgi_stands_beside_the_strongest_network_that_is_not_its_control() -> None:
    assert shown_methods(patients(unet=0.5, resunet=0.6, mgi=0.4, mgi_no_genes=0.9), "volume") == ["mgi", "resunet"]
    assert shown_methods(patients(unet=0.5, resunet=0.6, attention_unet=0.4), "volume") == ["unet", "resunet"]
    assert shown_methods(patients(mgi=0.5), "volume") == ["mgi"]


def test_scores_are_those_with_the_input_of_training() -> None:
    assert by_method(patients(mgi=0.5), ["mgi"], "volume")["mgi"].to_dict() == pytest.approx(
        {"A": 0.5, "B": 0.51, "C": 0.52, "D": 0.53}
    )


def test_volumes_are_in_ml_where_every_patient_s_voxels_have_a_size() -> None:
    table, unit = volumes_of(patients(mgi=0.5), "mgi", dict.fromkeys("ABCD", 0.001))
    assert (unit, table.loc["C"].to_dict()) == ("mL", pytest.approx({"true": 0.3, "predicted": 0.27}))
    table, unit = volumes_of(patients(mgi=0.5), "mgi", dict.fromkeys("ABC", 0.001))
    assert (unit, table.loc["C"].to_dict()) == ("voxels", {"true": 300.0, "predicted": 270.0})


def test_thirds_are_by_volume_hold_everybody_once_and_need_six() -> None:
    true = pd.Series({name: float(size) for name, size in zip("ABCDEFG", (5, 1, 4, 2, 2, 9, 7), strict=True)})
    assert size_groups(true) == {
        "smallest third": ["B", "D"], "middle third": ["E", "C", "A"], "largest third": ["G", "F"],
    }  # fmt: skip
    assert size_groups(true[:5]) == {}


def test_hospitals_are_ordered_by_patients_and_one_alone_is_no_comparison() -> None:
    assert site_groups(["A", "B", "C", "X"], {"A": "DU", "B": "CS", "C": "CS"}) == {"CS": ["B", "C"], "DU": ["A"]}
    assert site_groups(["A", "B"], dict.fromkeys("AB", "DU")) == {}


def test_a_group_has_mean_and_range_of_those_that_a_method_tested() -> None:
    scores = {"mgi": pd.Series({"A": 0.2, "B": 0.6}), "unet": pd.Series({"C": 0.4})}
    (row,) = group_rows({"both": ["A", "B"]}, scores)
    assert row["n"] == 2
    assert row["cells"]["mgi"] == pytest.approx({"mean": 0.4, "least": 0.2, "greatest": 0.6})
    assert math.isnan(row["cells"]["unet"]["mean"])


def test_limits_of_agreement_are_mean_and_deviations_of_differences() -> None:
    # Deviation of -1, 0, 1 with n - 1: 1.
    assert limits_of_agreement(pd.Series([1.0, 2.0, 3.0])) == pytest.approx((2.0, 0.04, 3.96))


def test_figures_of_too_few_patients_are_not_drawn() -> None:
    two = pd.Series({"A": 1.0, "B": 2.0})
    assert size_figure(two, {"mgi": two}, "Dice", "mL", simulated=False) is None
    assert agreement_figure({"mgi": pd.DataFrame({"true": two, "predicted": two})}, "mL", simulated=False) is None
    assert differences_figure({"a": pd.Series(dtype=float)}, "Dice", simulated=False) is None


def test_the_count_leaves_out_those_without_a_difference() -> None:
    assert count_text(pd.Series([0.1, 0.2, 0.0, -0.1])) == "4 patients: higher in 2, lower in 1"
