import pytest

from mgi.core.errors import ConfigError
from mgi.explain.runs import asked_values, check_values, explained_runs, value_belongs
from mgi.explain.settings import VALUES, ExplainSettings

RUNS = {
    "task": "segmentation",
    "methods": ["mgi", "unet"],
    "folds": [0, 1],
    "seeds": [0],
    "controls": ["no-genes", "random-id"],
}


def config(runs=RUNS, **explain: object) -> dict:
    return {"runs": runs, "explain": ExplainSettings(**explain).plain()}


def test_runs_of_mgi_itself_are_explained_and_one_pretraining_on_permuted_pairs() -> None:
    assert list(explained_runs(config())) == [
        "pretrain-fold0-seed0", "pretrain-fold1-seed0", "mgi-fold0-seed0", "mgi-fold1-seed0",
        "pretrain-permuted-pairs-fold0-seed0",
    ]  # fmt: skip
    assert list(explained_runs(config(permuted_pairs=2)))[-2:] == [
        "pretrain-permuted-pairs-fold0-seed0", "pretrain-permuted-pairs-fold0-seed1",
    ]  # fmt: skip
    assert list(explained_runs(config(permuted_pairs=0, values=("mask",)))) == [
        "mgi-fold0-seed0",
        "mgi-fold1-seed0",
    ]
    assert list(explained_runs(config(values=("mask",)))) == ["mgi-fold0-seed0", "mgi-fold1-seed0"]
    assert explained_runs({"runs": RUNS, "explain": None}) == {}


def test_each_value_belongs_to_runs_of_one_kind() -> None:
    runs = explained_runs(config())
    kinds = {key: [value for value in VALUES if value_belongs(value, run)] for key, run in runs.items()}
    assert kinds["pretrain-fold0-seed0"] == ["contrast", "similarity"]
    assert kinds["mgi-fold0-seed0"] == ["mask"]
    of_labels = explained_runs(config(RUNS | {"task": "classification", "target": "idh"}, permuted_pairs=0))
    assert list(of_labels)[2:] == ["mgi-classification-idh-fold0-seed0", "mgi-classification-idh-fold1-seed0"]
    assert value_belongs("head", of_labels["mgi-classification-idh-fold0-seed0"])
    assert asked_values(config(values=("mask",))) == ["mask"]
    assert asked_values(config()) == ["contrast", "similarity", "mask"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"methods": ["unet"]}, "explain: found a section, expected null where no run of mgi is asked for"),
        (
            {"task": "classification", "target": "idh"},
            "explain.values: found mask, expected of contrast, similarity, head",
        ),
    ],
)
def test_a_value_that_no_run_has_is_refused(change: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^{said}"):
        check_values(config(RUNS | change, values=("mask",)))
    check_values(config(values=("mask",)))
