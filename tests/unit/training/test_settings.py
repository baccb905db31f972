import pytest

from mgi.core.errors import ConfigError
from mgi.training.settings import FinetuneSettings, PredictSettings, PretrainSettings


def test_only_the_number_of_steps_has_no_default() -> None:
    for cls in (PretrainSettings, FinetuneSettings):
        assert cls.read({"schedule": {"steps": 3}}).schedule.steps == 3
        with pytest.raises(ConfigError, match=r"schedule\.steps: missing"):
            cls.read({"schedule": {}})
    assert PredictSettings.read({}).permutations == 5


def test_a_misspelt_key_is_named_with_its_section() -> None:
    with pytest.raises(ConfigError, match=r"finetune\.augment\.flips: unknown"):
        FinetuneSettings.read({"schedule": {"steps": 3}, "augment": {"flips": True}}, where="finetune")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"slices_per_patient": 2}, "pretrain.slices_per_patient: found 2, expected 1 "),
        ({"triplet_weight": 1.0}, "pretrain.slices_per_patient: found 1, expected 2 "),
        ({"processes": 17}, "pretrain.schedule.batch: found 16, expected at least 17"),
        ({"schedule": {"steps": 3, "patience": 2}}, "pretrain.schedule.patience: found 2, expected 0, "),
        ({"loss": "literal"}, 'pretrain.loss: found "literal"'),
    ],
)
def test_settings_of_pretraining_that_contradict_each_other_are_named(given, message) -> None:
    with pytest.raises(ConfigError) as error:
        PretrainSettings.read({"schedule": {"steps": 3}} | given, where="pretrain")
    assert str(error.value).startswith(message)


def test_genes_are_reconstructed_where_some_are_masked_and_that_weighs() -> None:
    schedule = {"schedule": {"steps": 3}}
    assert PretrainSettings.read(schedule).reconstructs_genes
    for given in ({"masked_genes": 0.0}, {"masked_gene_weight": 0.0}):
        assert not PretrainSettings.read(schedule | given).reconstructs_genes
