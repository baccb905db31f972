from mgi.config.tree import Config
from mgi.reporting.analyses import ANALYSES
from mgi.reporting.analysis_names import ANALYSIS_NAMES


def test_every_analysis_has_a_part_an_option_and_a_config_section_of_one_name() -> None:
    assert tuple(ANALYSES) == ANALYSIS_NAMES
    assert set(ANALYSIS_NAMES) <= set(Config.model_fields)
