"""A library that somebody else may have written is refused, whoever of the folder, the file and a link is not ours."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mgi.scan import cpu_build

SOURCE = 'extern "C" int answer() { return 42; }'
NOBODY = 65534


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source whose library lies in a cache of its own."""
    try:
        cpu_build.find_compiler()
    except cpu_build.CannotBuild as reason:
        pytest.skip(str(reason))
    monkeypatch.setenv("MGI_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "answer.cpp"
    path.write_text(SOURCE)
    load(path)
    return path


def load(source: Path) -> ctypes.CDLL:
    return cpu_build.load([source], lambda library: None if library.answer() == 42 else "wrong")


def library() -> Path:
    (found,) = cpu_build.cache_folder().iterdir()
    return found


def give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    os.chown(path, NOBODY, NOBODY)


def refusal(source: Path) -> str:
    with pytest.raises(cpu_build.CannotBuild) as refused:
        load(source)
    return str(refused.value)


def test_folder_and_library_are_closed_to_others(source: Path) -> None:
    assert cpu_build.cache_folder().stat().st_mode & 0o777 == 0o700
    assert library().stat().st_mode & 0o777 == 0o700
    cpu_build.cache_folder().chmod(0o755)
    load(source)
    assert cpu_build.cache_folder().stat().st_mode & 0o777 == 0o700


def test_an_open_umask_opens_nothing(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MGI_CACHE", str(tmp_path / "another"))
    before = os.umask(0)
    try:
        load(source)
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (cpu_build.cache_folder(), library())] == [0o700, 0o700]


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_is_refused(source: Path, mode: int) -> None:
    cpu_build.cache_folder().chmod(mode)
    said = refusal(source)
    assert said.startswith(f"others may write to {cpu_build.cache_folder()} (mode {mode:04o})")
    assert "MGI_CACHE" in said


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o666])
def test_a_library_that_others_may_write_is_refused(source: Path, mode: int) -> None:
    library().chmod(mode)
    assert refusal(source).startswith(f"others may write to {library()} (mode {mode:04o})")


def test_a_folder_of_another_user_is_refused(source: Path) -> None:
    give_away(cpu_build.cache_folder())
    assert refusal(source).startswith(f"{cpu_build.cache_folder()} belongs to user ")


def test_a_library_of_another_user_is_refused(source: Path) -> None:
    give_away(library())
    assert refusal(source).startswith(f"{library()} belongs to user ")


def test_a_link_to_another_users_folder_is_refused_and_one_to_a_folder_of_ours_is_followed(
    source: Path, tmp_path: Path
) -> None:
    folder, elsewhere = cpu_build.cache_folder(), tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    load(source)
    give_away(elsewhere)
    assert refusal(source).startswith(f"{folder} belongs to user ")


def test_a_library_that_is_a_link_is_refused(source: Path, tmp_path: Path) -> None:
    found = library()
    found.rename(tmp_path / "planted.so")
    found.symlink_to(tmp_path / "planted.so")
    assert refusal(source).startswith(f"{found} is a link")


def test_a_planted_library_is_not_run(source: Path, tmp_path: Path) -> None:
    """Its constructor would run before any self-test."""
    planted = tmp_path / "planted.cpp"
    canary = tmp_path / "canary"
    planted.write_text(
        f'#include <cstdio>\n{SOURCE}\n__attribute__((constructor)) void run() {{ std::fopen("{canary}", "w"); }}'
    )
    cpu_build._compile(planted, cpu_build.find_compiler(), tmp_path / "planted.so")
    found = library()
    key = found.name.split("-")[0]
    found.unlink()
    target = found.with_name(f"{key}-{cpu_build._digest(tmp_path / 'planted.so')}.so")
    shutil.copy(tmp_path / "planted.so", target)
    target.chmod(0o755)
    give_away(target)
    refusal(source)
    assert not canary.exists()


def test_a_library_of_other_bytes_than_were_built_is_built_again(source: Path, tmp_path: Path) -> None:
    found = library()
    other = tmp_path / "other.cpp"
    other.write_text(f"{SOURCE}\nint more;")
    cpu_build._compile(other, cpu_build.find_compiler(), tmp_path / "other.so")
    whole = found.read_bytes()
    found.unlink()
    shutil.copy(tmp_path / "other.so", found)
    found.chmod(0o700)
    load(source)
    assert library().read_bytes() == whole


def test_the_backend_says_why_it_is_not_used(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from mgi.scan import cpu

    cpu_build.cache_folder().chmod(0o777)
    monkeypatch.setattr(cpu, "_load", cpu._load.__wrapped__)
    said = cpu.available()
    assert said is not None
    assert "\n" not in said
    assert said.endswith(
        "it is not loaded; remove it, or set MGI_CACHE to a folder of your own; the torch backend is used instead"
    )


def test_eight_processes_build_at_once_while_one_of_them_is_killed(source: Path) -> None:
    library().unlink()
    code = (
        "import sys; from pathlib import Path; from mgi.scan import cpu_build\n"
        "print(cpu_build.load([Path(sys.argv[1])], lambda library: None).answer())"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(cpu_build.__file__).parents[2])}
    command = [sys.executable, "-c", code, str(source)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(8)]
    running[0].kill()
    assert [process.communicate()[0].strip() for process in running[1:]] == ["42"] * 7
    running[0].communicate()
    assert len([path for path in cpu_build.cache_folder().glob("*.so") if path.is_file()]) == 1
    load(source)
