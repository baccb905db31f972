import argparse

from mgi.commands.report import add_options
from mgi.config.tree import Config
from mgi.reporting.analyses import ANALYSES


def test_every_analysis_has_a_part_an_option_and_a_config_section_of_one_name() -> None:
    options = argparse.ArgumentParser()
    add_options(options)
    named = {action.dest for action in options._actions}
    assert set(ANALYSES) <= named & set(Config.model_fields)
