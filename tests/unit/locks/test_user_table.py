import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import sha256_of
from mgi.locks.lock import check_table, table_of


def test_a_table_is_known_by_content_whatever_its_name(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "b.csv").write_text("x")
    locked = table_of(tmp_path / "a.csv")
    assert (locked.name, locked.size, locked.sha256) == ("a.csv", 1, sha256_of(tmp_path / "a.csv"))
    assert check_table(tmp_path / "b.csv", locked).sha256 == locked.sha256


@pytest.mark.parametrize("content", ["y", "xx"])
def test_another_content_is_refused(tmp_path, content):
    (tmp_path / "a.csv").write_text("x")
    locked = table_of(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(IntegrityError, match=r"a\.csv: .*sha256 \w+; .*a\.csv, 1 bytes, sha256"):
        check_table(tmp_path / "a.csv", locked)


def test_a_lock_without_table_is_refused(tmp_path):
    with pytest.raises(BadInputError, match=r"a\.csv: .*no table"):
        check_table(tmp_path / "a.csv", None)
