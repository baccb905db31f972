import dataclasses

import pandas as pd

from mgi.evaluation.cohort_tables import strongest_rival
from mgi.reporting.key_results import key_rows
from small_results import results, results_table, scores


def test_the_three_rows_are_mgi_the_best_other_network_and_another_patient_s_genes() -> None:
    given = results()
    first, second, third = key_rows(given)
    assert [row["name"] for row in (first, second, third)] == ["MGI", "U-Net", "MGI"]
    assert third["read"] == "another patient's genes"
    assert first["compared"] is None
    assert second["compared"]["difference"] == given.tests.set_index("method")["difference"]["unet"]
    assert third["compared"]["difference"] == given.audit.set_index("condition")["difference"]["permuted"]


def test_without_mgi_the_best_methods_are_shown_best_first() -> None:
    table = pd.concat([scores("unet", "not_used", 0), scores("resunet", "not_used", 0.1)])
    given = dataclasses.replace(results(methods=("unet",)), results=results_table(table))
    assert [(row["name"], row["compared"]) for row in key_rows(given)] == [("ResU-Net", None), ("U-Net", None)]


def test_the_strongest_rival_is_no_control_no_ensemble_and_not_mgi() -> None:
    means = {"mgi": 0.9, "mgi-no-genes": 0.8, "unet": 0.5, "unet-ensemble": 0.7, "resunet": 0.6}
    assert strongest_rival(means) == "resunet"
    assert strongest_rival({"mgi": 0.9}) is None
