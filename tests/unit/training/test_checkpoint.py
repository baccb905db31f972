import hashlib
import os
from pathlib import Path
from typing import IO

import pytest
import torch

from mgi.core.files import write_json
from mgi.training import checkpoint
from mgi.training.checkpoint import identity_of, load_checkpoint, remove_checkpoints, save_checkpoint


def save(folder: Path, step: int, identity: str = "ours") -> Path:
    """Save a state that tells its step; return the file."""
    save_checkpoint(folder, {"weights": torch.full((4,), float(step)), "step": step}, step=step, identity=identity)
    return next(folder.glob(f"step-{step:07d}-*.pt"))


def step_of(folder: Path, identity: str = "ours") -> int | None:
    state = load_checkpoint(folder, identity=identity)
    return None if state is None else state["step"]


def test_the_newest_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    for step in (10, 20):
        save(tmp_path, step)
    state = load_checkpoint(tmp_path, identity="ours")
    assert state is not None
    assert torch.equal(state["weights"], torch.full((4,), 20.0))


def test_where_nothing_was_saved_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert step_of(tmp_path / "nowhere") is None


def test_two_checkpoints_are_kept_each_named_after_its_content(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        save(tmp_path, step)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert [name[:12] for name in files] == ["LATEST.json", "step-0000020", "step-0000030"]
    digest = hashlib.sha256((tmp_path / files[-1]).read_bytes()).hexdigest()
    assert files[-1] == f"step-0000030-{digest[:8]}.pt"


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before_and_that_is_said(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, 10)
    newest = save(tmp_path, 20)
    data = bytearray(newest.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    newest.write_bytes({"cut": data[: len(data) // 2], "empty": b""}.get(damage, data))
    if damage == "gone":
        newest.unlink()
    assert step_of(tmp_path) == 10
    assert [str(newest) in text and "passed over" in text for text in caplog.messages] == [True]
    save(tmp_path, 20)
    assert step_of(tmp_path) == 20


def test_with_both_damaged_nothing_is_resumed(tmp_path: Path) -> None:
    for step in (10, 20):
        save(tmp_path, step).write_bytes(b"x")
    assert step_of(tmp_path) is None


def test_a_checkpoint_of_another_run_is_not_resumed_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, 10, "ours")
    theirs = save(tmp_path, 20, "theirs")
    with caplog.at_level("INFO"):
        assert step_of(tmp_path, "ours") == 10
    assert caplog.messages == [f"{theirs}: passed over, of other settings, genes, patients or code"]
    assert step_of(tmp_path, "nobody") is None


def test_a_pointer_with_a_flipped_bit_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path, 9)
    save(tmp_path, 10)
    pointer = tmp_path / "LATEST.json"
    whole = pointer.read_bytes()
    for place in range(0, len(whole), 7):
        pointer.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert step_of(tmp_path) == 10


def test_a_pointer_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside, folder = save(tmp_path / "outside", 10), tmp_path / "ckpt"
    save(folder, 20)
    entry = {"file": f"../outside/{outside.name}", "identity": "ours", "step": 10}
    entry["sha256"] = hashlib.sha256(outside.read_bytes()).hexdigest()
    write_json(folder / "LATEST.json", {"checkpoints": [entry]})
    assert step_of(folder) == 20


DAMAGED_POINTERS = {
    "empty": b"",
    "NUL": bytes(300),
    "cut": b'{"checkpoints": [{"file": "step-',
    "no mapping": b"[]",
    "null": b"null",
    "no list": b'{"checkpoints": 3}',
    "no names": b'{"checkpoints": [{"file": 3}]}',
    "no text": b"\xff\xfe",
}


@pytest.mark.parametrize("pointer", [*DAMAGED_POINTERS.values(), None], ids=[*DAMAGED_POINTERS, "missing"])
def test_without_a_whole_pointer_the_newest_checkpoint_beside_it_is_resumed_and_that_is_said(
    pointer: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, 9)
    newest = save(tmp_path, 10)
    if pointer is None:
        (tmp_path / "LATEST.json").unlink()
    else:
        (tmp_path / "LATEST.json").write_bytes(pointer)
    assert step_of(tmp_path) == 10
    assert [text.partition(";")[0] for text in caplog.messages] == [
        f"{tmp_path / 'LATEST.json'}: {'missing' if pointer is None else 'damaged'}",
        f"{newest}: going on from this one",
    ]
    save(tmp_path, 11)
    assert step_of(tmp_path) == 11
    assert (tmp_path / "LATEST.json").is_file()


def test_without_a_pointer_a_damaged_checkpoint_and_those_of_others_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, 10)
    damaged, theirs = save(tmp_path, 20), save(tmp_path / "another", 30, "theirs")
    damaged.write_bytes(damaged.read_bytes()[:-1])
    theirs.rename(tmp_path / theirs.name)
    (tmp_path / "step-0000040-zzzzzzzz.pt").write_bytes(b"no name of ours")
    (tmp_path / "LATEST.json").unlink()
    with caplog.at_level("INFO"):
        assert step_of(tmp_path) == 10
    assert [text for text in caplog.messages if str(tmp_path / theirs.name) in text]
    assert [text for text in caplog.messages if str(damaged) in text and "damaged" in text]


def test_a_start_anew_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert step_of(tmp_path) is None
    assert caplog.messages == []
    newest = save(tmp_path, 10)
    newest.write_bytes(b"")
    assert step_of(tmp_path) is None
    assert [str(newest) in caplog.messages[0], "starts anew" in caplog.messages[1]] == [True, True]


def test_a_death_while_writing_leaves_the_last_checkpoint_and_no_stump(tmp_path: Path, monkeypatch) -> None:
    save(tmp_path, 10)

    def dies(_: object, part: IO[bytes]) -> None:
        part.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.torch, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 20)
    assert step_of(tmp_path) == 10
    assert len(list(tmp_path.iterdir())) == 2


def test_a_death_before_the_pointer_moves_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch) -> None:
    save(tmp_path, 10)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_json", dies)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 20)
    monkeypatch.undo()
    assert step_of(tmp_path) == 10
    save(tmp_path, 30)
    assert len(list(tmp_path.glob("*.pt"))) == 2


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "canary"),)

    save_checkpoint(tmp_path, {"step": Hostile()}, step=1, identity="ours")
    assert load_checkpoint(tmp_path, identity="ours") is None
    assert not (tmp_path / "canary").exists()


def test_removal_takes_the_checkpoints_and_leaves_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "ckpt"
    save(folder, 10)
    (folder / "notes.txt").touch()
    remove_checkpoints(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    save(folder, 10)
    remove_checkpoints(folder)
    remove_checkpoints(folder)
    assert not folder.exists()


def test_the_identity_depends_on_every_part_and_not_on_the_order_of_keys() -> None:
    assert identity_of({"a": 1, "b": 2}, "x") == identity_of({"b": 2, "a": 1}, "x")
    assert len({identity_of({"a": 1}, "x"), identity_of({"a": 2}, "x"), identity_of({"a": 1}, "y")}) == 3
