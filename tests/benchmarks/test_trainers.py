"""The step that is measured beside MONAI's and nnU-Net's is the loop's own, and a failure is said."""

import argparse
import os

import pytest

MODEL = {"size": "small", "image_size": 16, "patch_size": 8, "baseline_width": 4}


@pytest.mark.filterwarnings("ignore")  # MONAI warns of what it itself uses or lacks
@pytest.mark.parametrize("kind", ["ours", "monai"])
def test_a_step_is_timed_with_its_data_and_without(benchmark, tmp_path, monkeypatch, kind):
    spec = spec_of(benchmark("train_cohort"), tmp_path / "cohort", monkeypatch)
    require_figures(benchmark("trainers_trial").KINDS[kind](spec))


@pytest.mark.skipif("MGI_PEER_IGNITE" not in os.environ, reason="needs pytorch-ignite: MGI_PEER_IGNITE")
def test_monais_own_trainer_is_timed_where_pytorch_ignite_is(benchmark, tmp_path, monkeypatch):
    spec = spec_of(benchmark("train_cohort"), tmp_path / "cohort", monkeypatch)
    given = argparse.Namespace(nnunet=None, ignite=os.environ["MGI_PEER_IGNITE"], limit=120.0)
    outcome = benchmark("trainers").trial("MONAI's SupervisedTrainer, same network", spec, given)
    assert outcome.reason == ""
    require_figures(outcome.figures)


def spec_of(cohort, folder, monkeypatch):
    """A few steps on a small drawn cohort."""
    monkeypatch.setattr(cohort, "SLICES_EACH", 6)
    monkeypatch.setattr(cohort, "SIDE", 32)
    cohort.write_cohort(folder, patients=2)
    return {"cohort": str(folder), "size": 16, "batch": 4, "steps": 6, "model": MODEL}


def require_figures(figures):
    assert figures["step_ms"] > 0
    assert figures["passes_ms"] > 0
    assert figures["parameters"] > 1000


def test_the_best_turn_counts_and_who_failed_is_said(benchmark):
    trainers, trials = benchmark("trainers"), benchmark("trials")

    def turn(step_ms):
        return trials.Outcome(figures={"step_ms": step_ms, "passes_ms": 10.0, "parameters": 7})

    failed = trials.Outcome(figures=None, reason="not installed")
    found = {"ours": [turn(20.0), turn(10.0)], "MONAI": [turn(30.0), turn(40.0)], "nnU-Net": [turn(1.0), failed]}
    rows = {one["name"]: one for one in trainers.rows_of(found)}
    assert rows["step vs MONAI"]["ratio"] == pytest.approx(1 / 3, rel=1e-3)
    assert rows["step vs nnU-Net (not run: not installed)"]["value"] is None
    assert trainers.turned(["a", "b", "c"], 4) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("who", "named"),
    [
        ("MONAI's SupervisedTrainer, same network", "MGI_PEER_IGNITE"),
        ("nnU-Net's trainer, its network", "MGI_PEER_NNUNET_PYTHON"),
    ],
)
def test_who_is_not_installed_is_said(benchmark, who, named):
    trainers = benchmark("trainers")
    outcome = trainers.trial(who, {}, argparse.Namespace(nnunet=None, ignite=None, limit=1.0))
    assert outcome.figures is None
    assert named in outcome.reason


def test_only_monais_trainer_sees_pytorch_ignite(benchmark, monkeypatch):
    trainers, given = benchmark("trainers"), {}
    monkeypatch.setattr(trainers, "run_child", lambda script, spec, **_: given.update({spec["kind"]: spec}))
    for who in ("a plain MONAI loop, same network", "MONAI's SupervisedTrainer, same network"):
        trainers.trial(who, {}, argparse.Namespace(nnunet=None, ignite="peers/ignite", limit=1.0))
    assert "environment" not in given["monai"]
    assert given["supervised_trainer"]["environment"]["PYTHONPATH"].split(os.pathsep)[1] == "peers/ignite"
