import sys

import pytest

from mgi.core.errors import ConfigError
from mgi.core.plugins import load_plugins


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


def test_a_file_is_imported_once_under_its_own_name(tmp_path):
    path = tmp_path / "own_plugin.py"
    path.write_text("count = 1\n")
    load_plugins([str(path)])
    sys.modules["own_plugin"].count = 2
    load_plugins([str(path)])
    assert sys.modules["own_plugin"].count == 2


def test_two_files_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own_plugin.py").write_text("")
    with pytest.raises(ConfigError, match=r"plugins: .*b/own_plugin\.py: .*\bown_plugin\b.* already"):
        load_plugins([str(tmp_path / folder / "own_plugin.py") for folder in ("a", "b")])


@pytest.mark.parametrize(
    ("text", "said"), [("1 / 0", "ZeroDivisionError"), ("import no_such_module", "ModuleNotFound")]
)
def test_a_file_that_fails_is_named_and_forgotten(tmp_path, text, said):
    path = tmp_path / "own_plugin.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"plugins: .*own_plugin\.py: {said}"):
        load_plugins([str(path)])
    assert "own_plugin" not in sys.modules
    with pytest.raises(ConfigError, match=r"plugins: found .*absent\.py"):
        load_plugins([str(tmp_path / "absent.py")])
