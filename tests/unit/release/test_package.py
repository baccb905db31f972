import json
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import digest_of
from mgi.release.package import CONFIG, FIELDS, FILES, FORMAT, load_release


def put_config(folder: Path, **changes: object) -> Path:
    """A config.json with its own digest, and nothing beside it."""
    config = dict.fromkeys(FIELDS) | {"format": FORMAT, "files": {name: {} for name in FILES}} | changes
    config.pop("digest")
    config["digest"] = digest_of([json.dumps(config, sort_keys=True)])
    (folder / CONFIG).write_text(json.dumps(config))
    return folder


def test_a_folder_without_a_config_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"{CONFIG}: missing, expected a folder that `mgi release` wrote"):
        load_release(tmp_path)


@pytest.mark.parametrize("content", ["[]", '{"format": "mgi-release-0"}'])
def test_another_format_is_named_with_the_remedy(content: str, tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(content)
    with pytest.raises(BadInputError, match=r"(release the run|copy the release) again"):
        load_release(tmp_path)


def test_a_config_that_was_edited_is_not_the_one_that_was_released(tmp_path: Path) -> None:
    put_config(tmp_path, threshold=0.5)
    edited = json.loads((tmp_path / CONFIG).read_text()) | {"threshold": 0.4}
    (tmp_path / CONFIG).write_text(json.dumps(edited))
    with pytest.raises(IntegrityError, match=f"{CONFIG}: digest: found"):
        load_release(tmp_path)


def test_a_field_and_a_file_that_are_missing_are_named(tmp_path: Path) -> None:
    put_config(tmp_path, files={})
    with pytest.raises(BadInputError, match=f"{CONFIG}: files: found"):
        load_release(tmp_path)
    config = json.loads((put_config(tmp_path) / CONFIG).read_text())
    del config["threshold"]
    (tmp_path / CONFIG).write_text(json.dumps(config))
    with pytest.raises(BadInputError, match=f"{CONFIG}: threshold: missing"):
        load_release(tmp_path)
    with pytest.raises(IntegrityError, match=f"missing, though {CONFIG} lists it"):
        load_release(put_config(tmp_path))
