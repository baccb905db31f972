from typing import Any

import pytest

from mgi.cohort.labels.meaning import same_text
from mgi.cohort.labels.settings import LabelSettings
from mgi.config.tree import checked
from mgi.core.errors import ConfigError

TABLE = {"source": "table", "table": "own.csv", "columns": {"classes": {"idh": "IDH"}}}


def columns(**given: Any) -> dict[str, Any]:
    return {**TABLE, "columns": given}


def test_no_labels_are_made_by_default() -> None:
    assert checked({})["labels"] == LabelSettings().plain()
    assert LabelSettings().source is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": "table"}, r"^labels\.table: found null"),
        ({"table": "own.csv"}, r'^labels\.table: found "own\.csv", expected null, since only source table reads it'),
        ({"columns": {"age": "a"}}, r"^labels\.columns: found .*only source table"),
        ({"source": "gdc", "unknown": ["?"]}, r"^labels\.unknown: .*only source table reads it and source is \"gdc\""),
        ({**TABLE, "project": "TCGA-GBM"}, r"^labels\.project: .*only source gdc"),
        ({**TABLE, "columns": {}}, r"^labels\.columns: found no class and no time"),
        (columns(time_days="a", time_months="b", event="c"), r"^labels\.columns\.time_months: found \"b\""),
        (columns(time_days="a"), r"^labels\.columns\.event: found null, expected a column"),
        (columns(event="a"), r"^labels\.columns\.event: found \"a\", expected a column time_days"),
        (columns(classes={"1p": "a"}), r"^labels\.columns\.classes: found \"1p\""),
        (columns(classes={"sex": "a"}), r"^labels\.columns\.classes: found \"sex\", expected another name"),
        (columns(classes={"idh": 1}), r"^labels\.columns\.classes\.idh: found 1, expected string"),
        (columns(clases={"idh": "a"}), r"^labels\.columns\.clases: unknown key; did you mean .*classes"),
        (columns(patient_id="a", classes={"idh": "a"}), r"^labels\.columns\.patient_id: found \"a\""),
        ({**TABLE, "censored": ["Dead"]}, r"^labels\.censored: found \"dead\", expected no text that .*happened"),
        ({**TABLE, "happened": []}, r"^labels\.happened: "),
        (
            {"source": "gdc", "read_off": {"idh": ["rna"]}},
            r"^labels\.read_off: found \"idh\", expected class labels of grade",
        ),
        ({"read_off": {"idh": ["rna"]}}, r"^labels\.read_off: found \"idh\", .*which has none"),
        (columns(classes={"idh": "a"}) | {"read_off": {"idh": []}}, r"^labels\.read_off\.idh: "),
        (
            columns(classes={"idh": "a"}) | {"read_off": {"idh": ["dna"]}},
            r"^labels\.read_off\.idh: found \"dna\", expected modalities, of rna, flair",
        ),
        ({"source": "gdc", "base_url": "http://example.org"}, r"^labels\.base_url: "),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_key(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        checked({"labels": given})


def test_a_table_may_be_laid_over_a_config_that_says_how_to_ask_the_gdc() -> None:
    """As the demo's: a pause between attempts changes nothing where nobody is asked."""
    assert checked({"labels": {**TABLE, "retry_base_s": 0.1}})["labels"]["source"] == "table"


def test_spellings_of_one_text_are_the_same() -> None:
    assert same_text(" Dead ") == same_text("DEAD")
    assert same_text("1.0") == same_text("1")
    assert same_text("1.5") != same_text("1")
    assert same_text("v1.0") != same_text("v1")
