import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.tasks.segmentation.patient_scores import gene_mode, label_of, own_genes, per_patient, values_of


def long_row(genes: str, seed: int, value: float, **changes: object) -> dict[str, object]:
    row = {"run": f"mgi-fold0-seed{seed}", "method": "mgi", "trained_genes": "real", "genes": genes, "fold": 0,
           "seed": seed, "patient_id": "TCGA-CS-0001", "definition": "volume", "value": value}  # fmt: skip
    return {**row, **changes}


def test_seeds_weigh_the_same_however_many_permutations_they_drew() -> None:
    rows = [long_row("permuted-0", 0, 0.2), long_row("permuted-1", 0, 0.4), long_row("permuted-0", 1, 0.9)]
    table = per_patient(pd.DataFrame(rows))
    assert table["genes"].tolist() == ["permuted"]
    assert table["seeds"].tolist() == [2]
    assert table["volume"].tolist() == [pytest.approx((0.3 + 0.9) / 2)]


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ({"method": "mgi", "genes": "real", "pretrained": "pretrain-fold0-seed0"}, "mgi"),
        ({"method": "mgi", "genes": "real"}, "mgi"),
        ({"method": "mgi", "genes": "real", "pretrained": None}, "mgi-no-pretraining"),
        ({"method": "mgi", "genes": "none", "pretrained": "pretrain-fold0-seed0"}, "mgi-no-genes"),
        ({"method": "mgi", "genes": "fingerprint", "pretrained": "x"}, "mgi-fingerprint"),
        ({"method": "unet", "genes": "none", "pretrained": None}, "unet"),
    ],
)
def test_mgi_trained_again_as_a_control_is_a_method_of_its_own(spec: dict[str, object], label: str) -> None:
    assert label_of(spec) == label


def test_a_model_without_genes_has_the_mode_none_whatever_it_was_given() -> None:
    assert gene_mode("none", "null") == "none"
    assert gene_mode("real", "null") == "null"
    assert gene_mode("real", "permuted-12") == "permuted"


def test_a_patient_tested_in_two_folds_of_one_seed_is_refused() -> None:
    rows = [long_row("real", 0, 0.5), long_row("real", 0, 0.6, run="mgi-fold1-seed0", fold=1)]
    with pytest.raises(BadInputError, match="TCGA-CS-0001 tested by runs mgi-fold0-seed0 and mgi-fold1-seed0"):
        per_patient(pd.DataFrame(rows))


def test_methods_are_compared_with_the_genes_they_were_made_for() -> None:
    rows = [
        long_row("real", 0, 0.8),
        long_row("permuted-0", 0, 0.5),
        long_row("none", 0, 0.6, method="unet", trained_genes="none", run="unet-fold0-seed0"),
    ]
    table = per_patient(pd.DataFrame(rows))
    assert own_genes(table)[["method", "genes"]].to_numpy().tolist() == [["mgi", "real"], ["unet", "none"]]
    assert values_of(table, "mgi", "real", "volume").to_dict() == {"TCGA-CS-0001": 0.8}


def test_no_scores_give_an_empty_table_with_its_columns() -> None:
    assert {"method", "genes", "patient_id", "volume"} <= set(per_patient(pd.DataFrame()).columns)
