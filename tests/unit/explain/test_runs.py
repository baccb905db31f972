import pytest

from mgi.core.errors import ConfigError
from mgi.explain.runs import check_values, explained_runs, value_belongs
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
    assert list(explained_runs(config(permuted_pairs=False, values=("mask",)))) == [
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"methods": ["unet"]}, "explain: found a section, expected null where no run of mgi is asked for"),
        ({"task": "toy"}, "explain.values: found mask, expected of contrast, similarity, which the runs have"),
    ],
)
def test_a_value_that_no_run_has_is_refused(change: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^{said}"):
        check_values(config(RUNS | change))
    check_values(config())
