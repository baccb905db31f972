"""A lock may be edited by hand in one way: another choice, with a reason that says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import write_json
from mgi.locks.lock import as_json, read_lock
from small_locks import profile, rna_lock

REASON = "by hand: the primary is degraded"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    items = [
        profile("TCGA-CS-0001", key="a"),
        profile("TCGA-CS-0001", key="b", chosen=False, reason="second aliquot"),
        profile("TCGA-CS-0002", key="c"),
    ]
    write_json(tmp_path / "rna.json", as_json(rna_lock(*items)))
    return tmp_path / "rna.json"


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """What a person does in an editor, whose program may lay the text out in its own way."""
    plain = json.loads(path.read_text())
    change(plain)
    path.write_text(json.dumps(plain, indent=2))


def choose_the_other(plain: dict[str, Any]) -> None:
    plain["items"][0].update(chosen=False, reason=REASON)
    plain["items"][1].update(chosen=True, reason=REASON)


def test_another_choice_with_its_reason_is_read(path: Path) -> None:
    edit(path, choose_the_other)
    assert [item.key for item in read_lock(path).chosen] == ["b", "c"]


def test_a_lock_that_was_made_from_it_is_whole_again(path: Path) -> None:
    edit(path, choose_the_other)
    lock = read_lock(path)
    write_json(path, as_json(lock))
    assert read_lock(path) == lock


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plain: plain["items"][0].update(chosen=False), "items: 'a': chosen False, reason 'primary tumour'"),
        (lambda plain: plain["items"][0].update(reason="best"), "items: 'a': chosen True, reason 'best'"),
        (lambda plain: plain["items"][0].update(chosen=False, reason="by hand: "), "items: 'a': .*'by hand: '"),
        (lambda plain: plain["items"][2].update(size=2, reason=REASON), "items: 'c': its facts"),
        (lambda plain: plain["items"][2].update(md5="1" * 32), "items: 'c': its facts"),
        (lambda plain: plain["items"].pop(), "a field of the lock, or the list of its items"),
        (lambda plain: plain.update(release="46"), "a field of the lock"),
        (lambda plain: plain["items"][1].update(check="0" * 12), "a field of the lock, or the list of its items"),
        (lambda plain: plain.update(content_sha256="0" * 64), "other bytes than were written"),
        (lambda plain: None, "other bytes than were written"),
    ],
)
def test_anything_else_is_named_and_says_how_to_choose(path: Path, change: Any, said: str) -> None:
    edit(path, change)
    with pytest.raises(IntegrityError, match=rf"rna\.json: {said}.*`mgi lock`; by hand only .*'by hand:'"):
        read_lock(path)


def test_an_edit_beside_a_choice_by_hand_is_still_named(path: Path) -> None:
    edit(path, choose_the_other)
    edit(path, lambda plain: plain["items"][2].update(size=3))
    with pytest.raises(IntegrityError, match="items: 'c': its facts"):
        read_lock(path)


def test_an_older_lock_is_refused_until_a_person_accepts_it(path: Path) -> None:
    edit(path, lambda plain: [plain.pop("content_sha256"), plain.pop("check")])
    with pytest.raises(BadInputError, match=r"rna\.json: content_sha256: missing .*`mgi seal-lock`"):
        read_lock(path)
    assert main(["seal-lock", str(path)]) == 0
    assert [item.key for item in read_lock(path).chosen] == ["a", "c"]


def test_what_is_no_lock_cannot_be_accepted(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(path, lambda plain: plain["items"][0].update(key=["a"]))
    before = path.read_bytes()
    assert main(["seal-lock", str(path)]) == 5
    assert "items[0].key" in capsys.readouterr().err
    assert path.read_bytes() == before
