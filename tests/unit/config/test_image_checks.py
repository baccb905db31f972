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


BOTH: dict[str, Any] = {
    **SLIDES,
    "modalities": {"slides": {"folder": "f"}},
    "cohort": {"require": ["rna"], "any_of": ["flair", "slides"]},
    "runs": {
        **SLIDES["runs"],
        "image": ["slides", "flair"],
        "controls": ["no-genes", "no-image", "no-flair", "no-slides"],
    },
}
SINCE_BOTH = ", since runs.image is flair and slides"


def changed_of_both(section: str, **changes: Any) -> dict[str, Any]:
    return {**BOTH, section: {**BOTH.get(section, {}), **changes}}


def test_two_images_have_an_order_of_their_own() -> None:
    config = checked(BOTH)
    assert config["runs"]["image"] == ["flair", "slides"]
    assert checked(config) == config
    table = run_table({**config["runs"], "folds": [0]})
    assert run_table({**config["runs"], "folds": [0], "image": ["flair", "slides"]}) == table


def test_each_image_has_a_pretraining_and_each_run_starts_from_those_it_reads() -> None:
    table = run_table({**checked(BOTH)["runs"], "folds": [0]})
    starts = {run.label: (run.inputs, run.starts) for run in table.values() if not run.is_pretraining}
    scans, slides = "pretrain-flair-fold0-seed0", "pretrain-slides-fold0-seed0"
    assert starts == {
        "mgi": (("flair", "slides", "rna"), (scans, slides)),
        "mgi-no-genes": (("flair", "slides"), (scans, slides)),
        "mgi-no-image": (("rna",), (scans,)),
        "mgi-no-flair": (("slides", "rna"), (slides,)),
        "mgi-no-slides": (("flair", "rna"), (scans,)),
    }
    pretrainings = {key: run.inputs for key, run in table.items() if run.is_pretraining}
    assert pretrainings == {scans: ("flair", "rna"), slides: ("slides", "rna")}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            changed_of_both("runs", task="segmentation", target=None, controls=[]),
            f'runs.task: found "segmentation", expected a task of labels{SINCE_BOTH}',
        ),
        (
            changed_of_both("cohort", any_of=[]),
            f'cohort.require: found ["rna"], expected flair and rna and slides among them{SINCE_BOTH}',
        ),
        (
            changed_of_both("cohort", any_of=["flair"]),
            f'cohort.any_of: found ["flair"], expected none, or flair and slides{SINCE_BOTH}',
        ),
        (
            changed_of_both("cohort", require=["flair", "rna"]),
            f'cohort.require: found "flair", expected it in cohort.any_of alone{SINCE_BOTH}',
        ),
        (
            changed_of_both("cohort", require=None),
            f"cohort.require: found null, expected rna, and no image, beside cohort.any_of{SINCE_BOTH}",
        ),
        (changed("cohort", any_of=["slides"]), f'cohort.any_of: found ["slides"], expected none{SINCE}'),
        (changed("runs", controls=["no-flair"]), f'runs.controls: found "no-flair", expected other controls{SINCE}'),
        ({**BOTH, "probe": {}}, f'probe: found "a section", expected null{SINCE_BOTH}'),
        (
            {**BOTH, "pretrain": {"permuted_tiles": True}},
            "pretrain.permuted_tiles: found true, expected false, since runs read scans too",
        ),
    ],
)
def test_what_two_images_cannot_have_is_one_line(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        checked(config)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (["flair"], 'found ["flair"], expected at least 2 entries'),
        (["flair", "flair"], 'found ["flair", "flair"], expected no entry twice'),
        (3, "found 3, expected string or a list"),
    ],
)
def test_what_is_no_list_of_images_is_one_line(image: object, found: str) -> None:
    with pytest.raises(ConfigError) as error:
        checked(changed_of_both("runs", image=image))
    assert str(error.value) == f"runs.image: {found}"
