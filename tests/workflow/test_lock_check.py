"""Lock files of made-up packages: those that resolve, and what is said of those that do not."""

import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib import lock_check


@pytest.fixture
def registry(tmp_path: Path) -> list[str]:
    """pip's options for a folder with a few wheels that hold nothing but their metadata."""
    folder = tmp_path / "registry"
    folder.mkdir()
    for name, version, needs in [
        ("pip", "1.0", []),
        ("brain", "2.0", ["atlas>=1", "nvidia-veins>=1"]),
        ("atlas", "1.0", []),
        ("atlas", "1.1", []),
        ("nvidia-veins", "1.0", []),
        ("old", "1.0", ["atlas<1.1"]),
        ("torch", "2.0", []),
    ]:
        head = f"{name.replace('-', '_')}-{version}"
        with zipfile.ZipFile(folder / f"{head}-py3-none-any.whl", "w") as wheel:
            info = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {n}" for n in needs)]
            wheel.writestr(f"{head}.dist-info/METADATA", "\n".join(info) + "\n")
            wheel.writestr(f"{head}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{head}.dist-info/RECORD", "")
    return ["--no-index", "--find-links", str(folder)]


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    (tmp_path / "cuda.txt").write_text("nvidia-veins==1.0\n")
    path = tmp_path / "lock.txt"
    path.write_text("# what a run needs\n-c cuda.txt\natlas==1.1\nbrain==2.0\n")
    return path


def environment(folder: Path, *lines: str) -> Path:
    path = folder / "train.yaml"
    path.write_text("dependencies:\n  - python =3.11\n  - pip:\n" + "".join(f"      - {line}\n" for line in lines))
    return path


def test_a_whole_lock_resolves(lock: Path, registry: list[str]) -> None:
    assert lock_check.fault_of(lock, registry) is None


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("old==1.0", ["atlas==1.1", "old 1.0 depends on atlas<1.1"]),  # two pins that disagree
        ("nowhere==1.0", ["nowhere==1.0"]),
        ("nvidia-veins==2.0", ["nvidia-veins==2.0"]),  # against the constraint
    ],
)
def test_what_does_not_resolve_is_named_in_one_line(
    lock: Path, registry: list[str], line: str, named: list[str]
) -> None:
    lock.write_text(f"{lock.read_text()}{line}\n")
    fault = lock_check.fault_of(lock, registry)
    assert fault is not None
    assert [part for part in named if part not in fault] == []
    assert "\n" not in fault


def test_what_comes_along_without_a_pin_is_named(lock: Path, registry: list[str]) -> None:
    lock.write_text("brain==2.0\n")
    assert lock_check.fault_of(lock, registry) == "does not pin atlas, nvidia-veins"


def test_in_an_environment_torch_chooses_cudas_libraries(tmp_path: Path, registry: list[str]) -> None:
    assert lock_check.fault_of(environment(tmp_path, "atlas==1.1", "brain==2.0"), registry) is None
    assert lock_check.fault_of(environment(tmp_path, "brain==2.0"), registry) == "does not pin atlas"


def test_the_other_pythons_are_those_of_the_package_that_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.11,<3.14'\n")
    for name, code in {"python3.11": 0, "python3.12": 0, "python3.13": 127, "python3.14": 0}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(lock_check.sys, "version_info", SimpleNamespace(minor=11))
    assert lock_check.other_pythons(tmp_path) == ["python3.12"]


def test_a_lock_is_resolved_for_the_python_that_is_named(lock: Path, registry: list[str]) -> None:
    """A pin that another Python alone must have is missing there, and not here."""
    lock.write_text(f"{lock.read_text()}nowhere==1.0 ; python_version < '3.11'\n")
    assert lock_check.fault_of(lock, registry, python=sys.executable) is None
    fault = lock_check.fault_of(lock, registry, python="/nowhere/python3.12")
    assert fault is not None
    assert "/nowhere/python3.12" in fault


def test_it_fails_by_the_name_of_the_lock(
    lock: Path, registry: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (lock.parent / "wrong.txt").write_text("nowhere==1.0\n")
    monkeypatch.setattr(lock_check, "other_pythons", lambda _: [])
    monkeypatch.setattr(lock_check, "LOCKS", ("lock.txt",))
    assert lock_check.main(lock.parent, registry) == 0
    monkeypatch.setattr(lock_check, "LOCKS", ("lock.txt", "wrong.txt"))
    assert lock_check.main(lock.parent, registry) == 1
    *_, right, wrong = capsys.readouterr().out.splitlines()
    assert right.startswith("lock-check: lock.txt: resolves")
    assert wrong.startswith("lock-check: wrong.txt: ")
    assert "nowhere==1.0" in wrong


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ("torch==2.0\ntorch==2.0+cpu\n", 0, "this registry has no build of torch for CPUs alone"),
        ("torch==2.0+cpu\n", 0, "this registry has no build of torch for CPUs alone"),
        ("torch==2.0\ntorch==1.9+cpu\n", 1, "torch==1.9+cpu"),
    ],
)
def test_a_registry_without_a_build_for_cpus_is_no_fault_of_the_lock(
    tmp_path: Path, registry: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    lines: str, code: int, said: str,
) -> None:  # fmt: skip
    (tmp_path / "cpu.txt").write_text(lines)
    monkeypatch.setattr(lock_check, "other_pythons", lambda _: [])
    monkeypatch.setattr(lock_check, "LOCKS", ("cpu.txt",))
    assert lock_check.main(tmp_path, registry) == code
    assert said in capsys.readouterr().out


def test_without_a_network_it_says_so_and_passes(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lock_check.main(lock.parent, ["--no-index"]) == 0
    assert capsys.readouterr().out == (
        "lock-check: no package registry can be reached from here, nothing was checked\n"
    )


def test_settings_of_this_machines_pip_are_off_but_for_its_way_to_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_CONSTRAINT", "PIP_CONFIG_FILE", "PIP_CERT"):
        monkeypatch.setenv(name, f"/{name}")
    given = lock_check.environment()
    assert not {"PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_CONSTRAINT"} & set(given)
    assert given["PIP_CERT"] == "/PIP_CERT"
    assert not Path(given["PIP_CONFIG_FILE"]).is_file()
