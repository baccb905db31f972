import math

import numpy as np
import pandas as pd
import pytest

from mgi.explain.tables import GENE_SETS, GLOBAL, LOCAL, Mean, deletion_rows, gene_set_rows, global_rows, local_rows

VALUES = np.array([[3.0, -1.0, 0.5, 0.0], [-3.0, -2.0, 0.5, 0.0]])
SETS = {"first": [0, 1], "other": [2]}


def interval(values: np.ndarray) -> Mean:
    return Mean(float(values.mean()), float(values.min()), float(values.max()))


@pytest.fixture
def found(attributions):
    both = [("mask", method, "trained", VALUES) for method in ("ig", "ig_noise")]
    return attributions([*both, ("mask", "ig", "random_weights", VALUES[:, ::-1])])


def test_genes_come_by_their_mean_absolute_attribution_with_sign_and_sets(found) -> None:
    table = pd.DataFrame(list(global_rows(found, 2, SETS, interval)), columns=GLOBAL)
    assert table["method"].tolist() == ["ig", "ig", "ig_noise", "ig_noise"]
    noisy = table[table["method"] == "ig_noise"]
    assert noisy[["rank", "gene_id", "mean_absolute", "low", "high", "mean", "gene_sets"]].values.tolist() == [
        [1, "g0", 3, 3, 3, 0, "first"],
        [2, "g1", 1.5, 1, 2, -1.5, "first"],
    ]


def test_sets_are_summed_over_the_root_of_their_size_for_both_networks(found) -> None:
    table = pd.DataFrame(list(gene_set_rows(found, SETS, interval)), columns=GENE_SETS)
    assert table[["network", "gene_set"]].values.tolist() == [
        [network, name] for network in ("trained", "random_weights") for name in SETS
    ]
    first = table.iloc[0]
    assert (first["mean"], first["mean_absolute"]) == pytest.approx((-1.5 / math.sqrt(2), 3.5 / math.sqrt(2)))
    assert (first["auc"], first["auc_other_sets"]) == (1, 1)
    assert table.iloc[1][["auc", "auc_other_sets"]].tolist() == [1, 0]
    assert table.iloc[2]["auc"] == 0  # of random weights the gene in no set is the strongest


def test_what_random_weights_give_a_gene_is_taken_out_of_its_score(attributions) -> None:
    often = np.array([[4.0, 4.0, 1.0, 1.0]])  # the first two genes are favoured, whatever was learned
    draws = [("mask", "ig", "random_weights", often * one) for one in ([1, 1.2, 1.2, 1], [1.2, 1, 1, 1.2])]
    found = attributions([("mask", "ig", "trained", often * [1, 1, 3, 1]), *draws])
    table = pd.DataFrame(list(gene_set_rows(found, {"learned": [2], "favoured": [0, 1]}, interval)), columns=GENE_SETS)
    trained, random = (table[table["network"] == name].set_index("gene_set") for name in ("trained", "random_weights"))
    assert trained.loc["favoured", ["auc", "auc_relative"]].tolist() == [1, 0.5]
    assert trained.loc["learned", ["auc", "auc_relative"]].tolist() == [1, 1]
    assert random.loc["favoured", ["auc", "auc_relative"]].tolist() == [1, 0.5]
    genes = pd.DataFrame(list(global_rows(found, 4, {}, interval)), columns=GLOBAL).set_index("gene_id")
    assert genes["relative"].round(3).to_dict() == {"g0": 0.909, "g1": 0.909, "g2": 2.727, "g3": 0.909}


def test_what_training_favours_without_anything_to_learn_is_taken_out_of_a_score(attributions, run_named) -> None:
    of_one = np.array([[4.0, 8.0, 3.0, 1.0]])  # networks of permuted pairs favour the first two genes
    of_other = 7 * np.array([[8.0, 4.0, 1.0, 3.0]])  # one whose answers are larger counts no more
    permuted = [
        attributions([("mask", "ig", "trained", own)], run=run_named(control="permuted-pairs", seed=seed))
        for seed, own in enumerate((of_one, of_other))
    ]
    found = attributions(
        [("mask", "ig", "trained", np.array([[6.0, 6.0, 6.0, 2.0]])), ("mask", "ig", "random_weights", VALUES)]
    )
    sets = {"learned": [2], "favoured": [0, 1]}

    def table(one, beside):
        rows = pd.DataFrame(list(gene_set_rows(one, sets, interval, beside)), columns=GENE_SETS)
        return rows.set_index(["network", "gene_set"])["auc_permuted"]

    assert table(found, permuted).loc["trained"].to_dict() == {"learned": 1, "favoured": 0.5}
    assert table(found, permuted).loc["random_weights"].isna().all()
    assert table(found, []).isna().all()
    assert table(permuted[0], permuted).notna().all()
    assert table(permuted[0], permuted[:1]).isna().all()  # it is not set against itself


def test_a_gene_that_networks_of_permuted_pairs_do_not_read_is_not_compared(attributions, run_named) -> None:
    permuted = attributions([("mask", "ig", "trained", VALUES[:, :3])], run=run_named(control="permuted-pairs"))
    found = attributions([("mask", "ig", "trained", np.array([[3.0, 1.0, 9.0, 50.0]]))])
    table = pd.DataFrame(list(gene_set_rows(found, {"first": [0]}, interval, [permuted])), columns=GENE_SETS)
    assert table["auc_permuted"].tolist() == [0.5]  # above g1, below g2, and nothing of g3


def test_a_patients_own_genes_are_its_lowest_and_highest(found) -> None:
    table = pd.DataFrame(list(local_rows(found, 1)), columns=LOCAL)
    assert table[["patient_id", "end", "gene_name", "attribution"]].values.tolist() == [
        ["P0", "lowest", "N1", -1], ["P0", "highest", "N0", 3],
        ["P1", "lowest", "N0", -3], ["P1", "highest", "N2", 0.5],
    ]  # fmt: skip


def test_what_remains_is_a_share_of_the_mean_over_patients() -> None:
    rows = [
        {"patient_id": patient, "value": "mask", "order": "own", "share": share, "remaining": left}
        for patient, lefts in (("P0", (4.0, 1.0)), ("P1", (0.0, 1.0)))
        for share, left in zip((0.0, 0.5), lefts, strict=True)
    ]
    assert [row[3:] for row in deletion_rows("run", pd.DataFrame(rows))] == [(0.0, 1.0, 2), (0.5, 0.5, 2)]


def test_sets_are_compared_with_genes_and_not_with_numbers_of_other_modalities(attributions) -> None:
    values = np.concatenate([np.full((2, 3), 9.0), VALUES], axis=1)
    several = attributions([("contrast", "ig", "trained", values)], modalities={"cn": 3, "rna": 4})
    assert several.genes == range(3, 7)
    table = pd.DataFrame(list(gene_set_rows(several, {"first": [3, 4]}, interval)), columns=GENE_SETS)
    assert table["auc"].tolist() == [1]
    without = attributions([("contrast", "ig", "trained", values)], modalities={"cn": 7})
    assert without.genes == range(0)
