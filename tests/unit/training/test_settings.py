import pytest

from mgi.core.errors import ConfigError
from mgi.core.settings import parse
from mgi.training.settings import FinetuneSettings, PredictSettings, PretrainSettings


def test_only_the_number_of_steps_has_no_default() -> None:
    for cls in (PretrainSettings, FinetuneSettings):
        assert parse(cls, {"schedule": {"steps": 3}}).schedule.steps == 3
        with pytest.raises(ConfigError, match=r"settings\.schedule\.steps: missing"):
            parse(cls, {"schedule": {}})
    assert parse(PredictSettings, {}).permutations == 5


def test_a_misspelt_key_is_named_with_its_section() -> None:
    with pytest.raises(ConfigError, match=r"finetune\.augment\.flips: unknown key"):
        parse(FinetuneSettings, {"schedule": {"steps": 3}, "augment": {"flips": True}}, where="finetune")
