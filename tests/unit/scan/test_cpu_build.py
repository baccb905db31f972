"""The cache of compiled libraries, with a library of one line."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mgi.core.errors import ConfigError
from mgi.scan import cpu_build

WORKS = 'extern "C" int answer() { return 42; }'


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source whose library goes to a cache of its own."""
    try:
        cpu_build.find_compiler()
    except cpu_build.CannotBuild as reason:
        pytest.skip(str(reason))
    monkeypatch.setenv("MGI_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "answer.cpp"
    path.write_text(WORKS)
    return path


def is_right(library: ctypes.CDLL) -> str | None:
    return None if library.answer() == 42 else f"{library.answer()}, not 42"


def libraries() -> list[Path]:
    return sorted(cpu_build.cache_folder().iterdir())


def compiler_that(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """$CXX becomes a script that may hand on to the machine's own compiler by `$real "$@"`."""
    real = cpu_build.find_compiler()[0]
    wrapper = folder / "my c++"
    wrapper.write_text(f"#!/bin/sh\nreal={real}\n{script}\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("CXX", f"'{wrapper}'")


def test_built_once(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    compiler_that(tmp_path, monkeypatch, f'echo "$@" >> {log}\nexec $real "$@"')
    for _ in range(2):
        assert cpu_build.load([source], is_right).answer() == 42
    compiled = [line for line in log.read_text().splitlines() if "-o" in line.split()]
    assert len(compiled) == 1
    assert "-ffast-math" not in compiled[0]
    assert len(libraries()) == 1


@pytest.mark.parametrize("damage", [b"", b"\x7fELF and no more", "half"])
def test_a_damaged_library_is_built_again(source: Path, damage: bytes | str) -> None:
    cpu_build.load([source], is_right)
    (library,) = libraries()
    whole = library.read_bytes()
    # A file of its own: the one that is loaded stays as it is.
    library.unlink()
    library.write_bytes(whole[: len(whole) // 2] if damage == "half" else damage)
    assert cpu_build.load([source], is_right).answer() == 42
    assert [path.read_bytes() for path in libraries()] == [whole]


def test_a_whole_library_that_answers_wrong_is_built_again(source: Path, tmp_path: Path) -> None:
    cpu_build.load([source], is_right)
    (library,) = libraries()
    wrong = tmp_path / "wrong.cpp"
    wrong.write_text(WORKS.replace("42", "41"))
    cpu_build._compile(wrong, cpu_build.find_compiler(), tmp_path / "wrong.so")
    key = library.name.split("-")[0]
    library.unlink()
    (tmp_path / "wrong.so").rename(library.with_name(f"{key}-{cpu_build._digest(tmp_path / 'wrong.so')}.so"))
    assert cpu_build.load([source], is_right).answer() == 42


def test_a_library_that_is_wrong_whenever_built_is_refused(source: Path) -> None:
    source.write_text(WORKS.replace("42", "41"))
    with pytest.raises(cpu_build.CannotBuild, match=r"scan .*\(41, not 42\)"):
        cpu_build.load([source], is_right)
    assert libraries() == []


def test_another_source_flag_or_processor_is_another_library(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str:
        return cpu_build._key([source], cpu_build.find_compiler())

    keys = {key()}
    with monkeypatch.context() as changed:
        changed.setattr(cpu_build, "FLAGS", [*cpu_build.FLAGS, "-O1"])
        keys.add(key())
    with monkeypatch.context() as changed:
        changed.setattr(cpu_build, "_processor", lambda: "another")
        keys.add(key())
    with monkeypatch.context() as changed:
        changed.setattr(cpu_build, "_version", lambda compiler: "another")
        keys.add(key())
    source.write_text(f"{WORKS}\n")
    keys.add(key())
    assert len(keys) == 5


def test_a_compiler_without_openmp_builds_for_one_thread(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler_that(
        tmp_path,
        monkeypatch,
        'case "$*" in *-fopenmp*) echo "error: unsupported option" >&2; exit 1; esac\nexec $real "$@"',
    )
    assert cpu_build.load([source], is_right).answer() == 42


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(cpu_build.CannotBuild, match=r"C\+\+ .*g\+\+ \(.*\).*CXX"):
        cpu_build.find_compiler()
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(cpu_build.CannotBuild, match=r"C\+\+ .*CXX"):
        cpu_build.find_compiler()


def test_the_backend_says_that_there_is_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from mgi.scan import cpu

    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(cpu, "_load", cpu._load.__wrapped__)
    assert cpu.available() == (
        "no C++ compiler: install g++ (conda: cxx-compiler) or set CXX; the torch backend is used instead"
    )
    with pytest.raises(ConfigError, match=r"model\.scan_backend: 'cpp' .*C\+\+ .*g\+\+ .*CXX$"):
        cpu.conv_silu(torch.zeros(1, 2, 3), torch.zeros(3, 1, 4), None, reverse=False)


def test_what_the_compiler_says_comes_through_as_one_line(source: Path) -> None:
    source.write_text("int answer( { return 42; }")
    with pytest.raises(cpu_build.CannotBuild, match=r"compile answer\.cpp \(.*error") as failed:
        cpu_build.load([source], is_right)
    assert "\n" not in str(failed.value)
    assert libraries() == []


def test_a_folder_that_cannot_be_written(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MGI_CACHE", str(tmp_path / "file"))
    with pytest.raises(cpu_build.CannotBuild, match=r"file/scan .*MGI_CACHE"):
        cpu_build.load([source], is_right)


def test_two_processes_build_at_once(source: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mgi.scan import cpu_build\n"
        "print(cpu_build.load([Path(sys.argv[1])], lambda library: None).answer())"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(cpu_build.__file__).parents[2])}
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(source)], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["42"] * 3
    assert len(libraries()) == 1
    assert cpu_build.load([source], is_right).answer() == 42
