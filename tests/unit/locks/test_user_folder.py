import hashlib
import os
import subprocess

import pytest

from mgi.core.errors import BadInputError
from mgi.locks.user_folder import digest_of, files_below, hashed


def test_the_digest_of_several_files_is_what_sha256sum_says_of_its_own_list(tmp_path):
    for name in ("b", "a/x", "a/10"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    names = files_below(tmp_path)
    assert names == ["a/10", "a/x", "b"]
    listed = subprocess.run(["sha256sum", *names], cwd=tmp_path, capture_output=True, check=True).stdout
    assert digest_of(hashed(tmp_path, names)) == hashlib.sha256(listed).hexdigest()
    assert digest_of(hashed(tmp_path, ["b"])) == hashlib.sha256(b"b").hexdigest()


def test_linked_folders_and_pipes_are_not_entered_and_a_lost_link_is_named(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b").touch()
    (tmp_path / "mine" / "linked").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / "mine" / "pipe")
    (tmp_path / "mine" / "c").symlink_to(tmp_path / "other" / "b")
    assert files_below(tmp_path / "mine") == ["a", "c"]
    (tmp_path / "other" / "b").unlink()
    with pytest.raises(BadInputError, match=r"/mine/c: .*link"):
        files_below(tmp_path / "mine")


def test_a_name_that_cannot_be_printed_is_refused(tmp_path):
    (tmp_path / "a\nb").touch()
    with pytest.raises(BadInputError, match=r"file 'a\\nb' "):
        files_below(tmp_path)
