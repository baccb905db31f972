"""What is made of the settings classes is what is committed, and says all that they say."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mgi.cli import main
from mgi.config.descriptions import described
from mgi.config.render import Key, keys_of, made_files
from mgi.config.tree import checked, tree

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("path", made_files(), ids=str)
def test_a_committed_file_is_what_the_settings_make(path: Path) -> None:
    assert (ROOT / path).read_text() == made_files()[path], "stale: run `make config-docs`"


def test_the_commented_config_holds_the_defaults() -> None:
    assert checked(yaml.safe_load((ROOT / "config/config.yaml").read_text())) == checked({})


def test_no_line_of_the_commented_config_is_long_for_its_comment() -> None:
    lines = made_files()[Path("config/config.yaml")].splitlines()
    assert [line for line in lines if len(line.split("# ")[-1]) > 100 and line.startswith(" ")] == []


def every_key(keys: tuple[Key, ...]) -> list[Key]:
    return [each for key in keys for each in (key, *every_key(key.inner))]


def test_every_key_is_described() -> None:
    keys = every_key(tuple(keys_of(described(tree()), tree()())))
    assert len(keys) > 150
    assert [key.place for key in keys if not key.text] == []


def test_no_level_of_the_schema_takes_unknown_keys() -> None:
    schema = yaml.safe_load(made_files()[Path("workflow/schemas/config.schema.yaml")])
    sections: list[dict[str, Any]] = [schema, *schema["$defs"].values()]
    assert [section for section in sections if section["additionalProperties"] is not False] == []


def test_the_command_names_stale_files_and_writes_them(tmp_path: Path, capsys: Any) -> None:
    assert main(["config", "--root", str(tmp_path)]) == 1
    assert "stale: config/config.yaml" in capsys.readouterr().out
    assert main(["config", "--root", str(tmp_path), "--write"]) == 0
    assert main(["config", "--root", str(tmp_path)]) == 0
    assert {path for path in made_files() if not (tmp_path / path).is_file()} == set()
