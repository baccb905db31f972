import pytest

from mgi.core.errors import ConfigError
from mgi.core.settings import parse
from mgi.locks.settings import ExpressionSettings, ImageSettings


def test_both_sections_have_defaults_for_the_published_cohort():
    expression, images = ExpressionSettings(), ImageSettings()
    assert (expression.source, expression.project) == ("gdc", "TCGA-LGG")
    assert (images.source, images.collection, images.min_images) == ("kaggle", "TCGA-LGG", 15)


@pytest.mark.parametrize(
    ("cls", "given", "said"),
    [
        (ExpressionSettings, '{"batches": 0}', "expression.batches: found 0"),
        (ExpressionSettings, '{"threads": 99}', "expression.threads: found 99"),
        (ExpressionSettings, '{"expected_files": [560, 500]}', r"expression.expected_files: found \[560, 500\]"),
        (ExpressionSettings, '{"expected_files": [500]}', r"expected two numbers, the fewest and the most"),
        (ExpressionSettings, '{"expected_files": []}', r"expected_files: found \[\]"),
        (ExpressionSettings, '{"expected_files": ["1", 2]}', r"expected_files\[0\]: found '1'"),
        (ExpressionSettings, '{"source": "xena"}', "source: found 'xena'"),
        (ImageSettings, '{"min_images": 0}', "images.min_images: found 0"),
        (ImageSettings, '{"retry_base_s": 61}', "images.retry_base_s: found 61"),
        (ImageSettings, '{"sourse": "tcia"}', "sourse: unknown key"),
    ],
)
def test_a_value_out_of_range_is_named_by_its_key(cls, given, said):
    with pytest.raises(ConfigError, match=said):
        parse(cls, given)
