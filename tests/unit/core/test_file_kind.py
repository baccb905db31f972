from pathlib import Path

import pytest

from mgi.core.file_kind import hint_of, misplaced


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("~/data/images", "'~' is a shell's word"),
        (r"C:\data\images", "in WSL drive C: is /mnt/c"),
        ("D:/data", "a path of Windows"),
        (r"\\server\share", "a path of Windows"),
        ("$HOME/data", "a shell's variable"),
        ("data/images", "looked for in"),
    ],
)
def test_a_path_that_leads_nowhere_says_what_it_looks_like(path: str, said: str) -> None:
    assert said in hint_of(path)
    assert said in (misplaced(path) or "")


def test_what_is_there_or_whole_needs_no_hint(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    assert (misplaced(tmp_path / "x"), hint_of("/no/where")) == (None, "")
    assert misplaced(tmp_path) == f"a folder at {tmp_path}"
