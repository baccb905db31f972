"""What goes with runs on slides is asked before any job, in one line; and what they read is said of them alone."""

import json
from typing import Any

import pytest

from mgi.config.tree import checked
from mgi.core.errors import ConfigError
from mgi.core.run import Run, run_table
from mgi.core.run_sections import model_section, pretrain_section

LABELS = {"source": "table", "table": "own.tsv", "columns": {"classes": {"idh": "IDH"}}}
SLIDES: dict[str, Any] = {
    "modalities": {"flair": None, "slides": {"folder": "f"}},
    "cohort": {"require": ["rna", "slides"]},
    "labels": LABELS,
    "runs": {
        "image": "slides", "task": "classification", "target": "idh", "methods": ["mgi"],
        "controls": ["no-genes", "no-image"],
    },
}  # fmt: skip
SINCE = ", since runs.image is slides"


def changed(section: str, **changes: Any) -> dict[str, Any]:
    return {**SLIDES, section: {**SLIDES.get(section, {}), **changes}}


def test_runs_on_slides_need_no_scan_and_stay_what_they_are() -> None:
    config = checked(SLIDES)
    assert config["modalities"]["flair"] is None
    assert checked(config) == config


def test_slides_may_be_aligned_with_any_modality_and_have_the_terms_of_gimp() -> None:
    given = changed("modalities", cn={}) | {"cohort": {"require": ["rna", "slides"]}}
    terms = {"loss": "multi_positive", "slices_per_patient": 2, "masked_patch_weight": 1.0, "triplet_weight": 1.0}
    pretrain = {"modalities": ["cn", "rna"], "missing": "outer", **terms, "permuted_tiles": True}
    assert checked({**given, "pretrain": pretrain})["pretrain"]["permuted_tiles"] is True


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"runs": {"image": "slides"}}, 'runs.image: found "slides", expected one of flair, which are configured'),
        ({"runs": {"image": "rna"}}, 'runs.image: found "rna", expected one of flair, which are configured'),
        ({"modalities": {"flair": None}}, 'runs.image: found "flair", expected flair or slides, and its section'),
        (
            changed("runs", task="segmentation", target=None, controls=[]),
            f'runs.task: found "segmentation", expected a task of labels{SINCE}',
        ),
        (
            changed("cohort", require=["rna"]),
            f'cohort.require: found ["rna"], expected rna and slides among them{SINCE}',
        ),
        ({**SLIDES, "explain": {}}, f'explain: found "a section", expected null{SINCE}'),
        (
            {**SLIDES, "pretrain": {"loss": "simclr", "masked_gene_weight": 0.0, "schedule": {"batch": 8}}},
            f'pretrain.loss: found "simclr", expected a contrast with genes{SINCE}',
        ),
        ({**SLIDES, "pretrain": {"processes": 2}}, f"pretrain.processes: found 2, expected 1{SINCE}"),
        (
            changed("runs", variants={"x": {"pretrain": {"compile": True}}}),
            f"runs.variants.x.pretrain.compile: found true, expected false{SINCE}",
        ),
        (
            {"pretrain": {"permuted_tiles": True}},
            "pretrain.permuted_tiles: found true, expected false, since no run reads slides",
        ),
    ],
)
def test_what_cannot_be_is_one_line(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        checked(config)
    assert str(error.value) == message


def inputs(table: dict[str, Run]) -> dict[str, tuple[str, ...]]:
    return {run.label if not run.is_pretraining else "pretrain": run.inputs for run in table.values()}


def test_the_image_of_every_run_is_the_slide() -> None:
    table = run_table(checked(changed("runs", folds=[0]))["runs"])
    assert inputs(table) == {
        "pretrain": ("slides", "rna"),
        "mgi": ("slides", "rna"),
        "mgi-no-genes": ("slides",),
        "mgi-no-image": ("rna",),
    }
    assert [run.image for run in table.values()].count("slides") == 3
    assert {run.reads_genes for run in table.values() if run.inputs == ("slides",)} == {False}


def test_runs_on_scans_are_told_nothing_of_slides_and_those_on_slides_all() -> None:
    for given, told in (({"model": {"size": "small"}}, False), ({**SLIDES, "model": {"size": "small"}}, True)):
        config = checked(given)
        run = next(iter(run_table(config["runs"]).values()))
        model, pretrain = json.loads(model_section(config, run)), json.loads(pretrain_section(config, run))
        assert ("slide_width" in model) == told
        assert "permuted_tiles" not in pretrain
