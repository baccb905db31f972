"""Which modalities a pre-training may name, in its own section and in variants."""

from typing import Any

import pytest

from mgi.config.tree import checked
from mgi.core.errors import ConfigError

CN: dict[str, Any] = {"modalities": {"cn": {}}, "cohort": {"require": ["rna", "flair"]}}


OUTSIDE = {"modalities": {"rna": {}, "flair": {"source": "nifti", "folder": "f"}}}


def variants(**given: Any) -> dict[str, Any]:
    return {**CN, "runs": {"variants": {"x": given}}}


def test_configured_modalities_are_read_in_the_order_of_their_names() -> None:
    config = checked({**CN, "pretrain": {"modalities": ["rna", "cn"]}, "model": {"encoders": {"cn": "mamba"}}})
    assert config["pretrain"]["modalities"] == ["cn", "rna"]
    assert config["model"]["encoders"] == {"cn": "mamba"}
    assert checked(config) == config


def test_a_variant_may_read_others_with_encoders_of_its_own() -> None:
    given = {"pretrain": {"modalities": ["cn"], "missing": "outer"}, "model": {"encoders": {"cn": "group_attention"}}}
    assert checked(variants(**given))["runs"]["variants"]["x"] == {**given, "finetune": False}


def test_a_pretraining_with_several_modalities_may_be_explained() -> None:
    given = {**CN, "pretrain": {"modalities": ["cn"]}, "explain": {}}
    assert checked(given)["explain"]["values"] is None


def test_no_further_encoder_is_nothing_that_differs() -> None:
    with pytest.raises(ConfigError, match=r"^runs\.variants\.x: found nothing that differs"):
        checked(variants(model={"encoders": {}}))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"pretrain": {"modalities": ["cn"]}},
            'pretrain.modalities: found "cn", expected of rna, which are configured',
        ),
        (
            {**CN, "pretrain": {"modalities": ["cn"], "masked_patch_weight": 1.0}},
            "pretrain.masked_patch_weight: found 1.0, expected 0 with modalities cn",
        ),
        ({"pretrain": {"modalities": ["flair"]}}, 'pretrain.modalities: found "flair", expected of rna, which are'),
        (
            {"pretrain": {"modalities": ["covariates"]}},
            "pretrain.modalities: found covariates, expected a labels.source, which has age and sex",
        ),
        (
            {"modalities": {"cn": {}}, "pretrain": {"modalities": ["cn"], "missing": "outer"}},
            "pretrain.missing: found outer, expected inner, or cohort.require without cn: by default the cohort",
        ),
        ({"model": {"encoders": {"rna": "mlp"}}}, "model.encoders: found rna, expected it as model.gene_encoder"),
        ({"model": {"encoders": {"cn": "mlp"}}}, 'model.encoders: found "cn", expected no modality: none but rna'),
        ({**CN, "model": {"encoders": {"flair": "mlp"}}}, 'model.encoders: found "flair", expected cn'),
        ({**CN, "model": {"encoders": {"cn": "cnn"}}}, 'model.encoders.cn: found "cnn", expected one of mamba, '),
        (
            variants(pretrain={"modalities": ["mirna"]}),
            'runs.variants.x.pretrain.modalities: found "mirna", expected of',
        ),
        (variants(model={"encoders": {"rna": "mlp"}}), "runs.variants.x.model.encoders: found rna, expected it as"),
    ],
)
def test_what_cannot_be_is_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        checked(given)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"finetune": {"modalities": ["cn", "rna"]}}, 'finetune.modalities: found "cn", expected of rna, which are'),
        (
            {**CN, "finetune": {"modalities": ["cn", "covariates"]}},
            "finetune.modalities: found cn, covariates, expected modalities without covariates, a control of pre-",
        ),
        ({"finetune": {"modalities": []}}, "finetune.modalities: found [], expected"),
        ({"modalities": {"rna": None}}, "modalities.rna: found null, expected"),
        (
            {**CN, "finetune": {"modalities": ["cn", "rna"]}, "external": OUTSIDE},
            "finetune.modalities: found cn, rna, expected rna alone with a section external",
        ),
    ],
)
def test_further_modalities_that_a_fine_tuned_network_cannot_be_given_are_refused(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        checked(given)
    assert said in str(raised.value)


@pytest.mark.parametrize("listed", [["rna", "cn"], ["cn"]])
def test_fine_tuned_networks_may_read_any_modalities_in_any_order_and_be_explained(listed: list[str]) -> None:
    config = checked({**CN, "finetune": {"modalities": listed}, "explain": {"values": ["contrast", "mask"]}})
    assert config["finetune"]["modalities"] == sorted(listed)
