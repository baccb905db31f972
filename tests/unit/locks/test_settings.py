import pytest

from mgi.core.errors import ConfigError
from mgi.modalities.flair.settings import FlairSettings
from mgi.modalities.rna.settings import RnaSettings


def test_both_sections_have_defaults_for_the_published_cohort():
    expression, images = RnaSettings(), FlairSettings()
    assert (expression.source, expression.project) == ("gdc", "TCGA-LGG")
    assert (images.source, images.collection, images.min_images) == ("kaggle", "TCGA-LGG", 15)


@pytest.mark.parametrize(
    ("cls", "given", "said"),
    [
        (RnaSettings, '{"batches": 0}', "batches: found 0"),
        (RnaSettings, '{"threads": 99}', "threads: found 99"),
        (RnaSettings, '{"expected_files": [560, 500]}', r"expected_files: found \[560, 500\]"),
        (RnaSettings, '{"expected_files": [500]}', r"expected_files: found \[500\]"),
        (RnaSettings, '{"expected_files": []}', r"expected_files: found \[\]"),
        (RnaSettings, '{"expected_files": ["1", 2]}', r"expected_files\[0\]: found \"1\""),
        (RnaSettings, '{"source": "xena"}', 'source: found "xena"'),
        (FlairSettings, '{"min_images": 0}', "min_images: found 0"),
        (FlairSettings, '{"retry_base_s": 61}', "retry_base_s: found 61"),
        (FlairSettings, '{"sourse": "tcia"}', "sourse: .*'source'"),
        (FlairSettings, '{"source": "nifti", "patients": "p.tsv"}', 'patients: found "p.tsv".*null.*nifti'),
    ],
)
def test_a_value_out_of_range_is_named_by_its_key(cls, given, said):
    with pytest.raises(ConfigError, match=said):
        cls.read(given)
