"""Variants are checked as the sections that they change are, and an error names the variant's own key."""

from typing import Any

import pytest

from mgi.config.tree import checked
from mgi.core.errors import ConfigError
from mgi.core.variants import laid_over, section_of
from mgi.models.settings import SIZES


def variants(**given: Any) -> dict[str, Any]:
    return {"runs": {"variants": given}}


def test_a_variant_keeps_what_it_changes_as_its_section_reads_it() -> None:
    given = {"pretrain": {"temperature": 1, "schedule": {"steps": 5}}, "model": {"gene_encoder": "mlp"}}
    config = checked(variants(mlp=given))
    kept = config["runs"]["variants"]["mlp"]
    assert kept == {**given, "finetune": False}
    assert isinstance(kept["pretrain"]["temperature"], float)
    assert checked(config) == config


def test_keys_that_are_not_named_are_those_of_the_section() -> None:
    config = checked(variants(short={"pretrain": {"schedule": {"steps": 5}}}) | {"pretrain": {"gene_noise": 0.25}})
    laid, plain = section_of(config, "pretrain", "short"), section_of(config, "pretrain", None)
    assert laid == {**plain, "schedule": {**plain["schedule"], "steps": 5}}
    assert (plain["gene_noise"], plain["schedule"]["steps"]) == (0.25, 4000)


def test_a_mapping_replaces_what_is_none() -> None:
    assert laid_over({"a": None, "b": {"c": 1, "d": 2}}, {"a": {"x": 1}, "b": {"d": 3}}) == {
        "a": {"x": 1}, "b": {"c": 1, "d": 3},
    }  # fmt: skip


def test_a_size_is_the_numbers_that_it_stands_for_under_the_keys_that_are_named() -> None:
    given = {"model": {"size": "small", "image_size": 256, "gene_width": 32}}
    model = section_of(checked(variants(small=given)), "model", "small")
    assert {key: model[key] for key in SIZES["small"]} == {**SIZES["small"], "image_size": 256, "gene_width": 32}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": {"gene_encodr": "mlp"}}, "model.gene_encodr: unknown key; did you mean 'runs.variants.x.model."),
        ({"model": {"gene_encoder": "cnn"}}, 'model.gene_encoder: found "cnn", expected one of mamba, '),
        ({"model": {"size": "huge"}}, 'model.size: found "huge", expected one of tiny'),
        ({"model": {"image_size": 64}}, "model.image_size: found 64, expected 256 as model.image_size"),
        ({"model": {"gene_tokens": "pathway"}}, "model.pathways: found null, expected a .gmt file"),
        ({"model": {"pathways": "p.gmt"}}, 'model.pathways: found "p.gmt", expected null, since gene_tokens is shared'),
        ({"pretrain": {"schedule": {"steps": 0}}}, "pretrain.schedule.steps: found 0, expected at least 1"),
        ({"pretrain": {"slices_per_patient": 2}}, "pretrain.slices_per_patient: found 2, expected 1 with loss clip"),
        ({"pretrain": {"processes": 2}}, "pretrain.processes: found 2, expected 1 as pretrain.processes"),
        ({"pretrain": {"schedule": 3}}, "pretrain.schedule: found 3, expected a mapping"),
        ({"pretrain": {1: 3}}, "pretrain: found the key 1, expected text; write it in quotes"),
        ({"pretrain": {"temperature": 0.07}}, " found nothing that differs"),
        ({}, " found nothing that differs"),
        (None, " found null, expected a mapping"),
        ({"model": {"gene_encoder": "mlp"}, "fine": True}, "fine: unknown key; did you mean"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_the_key_of_the_variant(given: Any, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checked(variants(x=given))
    assert str(refused.value).startswith(f"runs.variants.x{':' if said.startswith(' ') else '.'}{said}")


@pytest.mark.parametrize(
    "name",
    ["no-genes", "no-genes-2", "random-id", "slice", "x-slice", "ensemble", "x-ensemble", "a b", "../x", "-x", ""],
)
def test_a_name_that_is_taken_or_no_name_of_a_file_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^runs\.variants.*: found .*, expected (one without|names of)"):
        checked(variants(**{name: {"model": {"gene_encoder": "mlp"}}}))


def test_variants_are_of_mgi() -> None:
    given = {"runs": {"methods": ["unet"], "variants": {"x": {"model": {"gene_encoder": "mlp"}}}}}
    with pytest.raises(ConfigError, match=r"^runs\.variants\.x: .* without mgi in runs\.methods$"):
        checked(given)


def test_a_key_that_is_no_text_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^runs\.variants: found the key 1, expected text; write it in quotes$"):
        checked({"runs": {"variants": {1: {"model": {"gene_encoder": "mlp"}}}}})


def test_a_value_that_is_a_default_is_kept_where_the_section_has_another() -> None:
    config = {
        "model": {"slide_encoder": "mean"},
        "runs": {"variants": {"tiles": {"model": {"slide_encoder": "transformer"}}}},
    }
    filled = checked(config)
    assert filled["runs"]["variants"]["tiles"]["model"] == {"slide_encoder": "transformer"}
    assert section_of(filled, "model", "tiles")["slide_encoder"] == "transformer"
