"""The CPU kernel compiled for every set of instructions that it has code for, as far as this machine can run them."""

import ctypes
import functools

import pytest

from mgi.scan import cpu, cpu_build

V2 = {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}
V3 = V2 | {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}
V4 = V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
# The compiler's flags, and what /proc/cpuinfo must name.
LEVELS: dict[str, tuple[list[str], set[str]]] = {
    "x86-64-v4": (["-march=x86-64-v4"], V4),  # 16 channels in a vector, an exp2 of its own
    "x86-64-v3": (["-march=x86-64-v3"], V3),  # 8 channels, 16 registers
    "x86-64-v2": (["-march=x86-64-v2"], V2),  # 4 channels, no fused multiply-add
    # What other kinds of processor get: 4 channels, and nothing that is named after an instruction.
    "generic": (["-march=native", "-U__SSE2__", "-U__AVX__", "-U__AVX512F__"], set()),
}


@functools.cache
def _kernel(level: str) -> ctypes.CDLL | str:
    """The kernel of a level, or why this machine has none; raises AssertionError where it should have one."""
    flags, needed = LEVELS[level]
    if missing := needed - set(cpu_build._processor().split()):
        return f"{level}: this processor has no {', '.join(sorted(missing))}"
    empty = [*cpu_build.find_compiler(), *flags, "-x", "c++", "-E", "/dev/null"]
    if cpu_build._run(empty).returncode:
        return f"{level}: this compiler does not know {flags[0]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpu_build, "MACHINE_FLAGS", ([*flags, "-fopenmp"], flags))
        loaded = cpu._load.__wrapped__()
    assert isinstance(loaded, ctypes.CDLL), loaded
    return loaded


@pytest.fixture(params=["as it ships", *LEVELS])
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs once with the kernel that a user of this machine has, and once with that of every level."""
    if request.param in LEVELS:
        kernel = _kernel(request.param)
        if isinstance(kernel, str):
            pytest.skip(kernel)
        monkeypatch.setattr(cpu, "_load", lambda: kernel)
