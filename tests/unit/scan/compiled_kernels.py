"""Registers and spilled bytes of the Triton kernels, compiled for an H200 without one: a JSON list on stdout.

A program of its own, since whether kernels are interpreted is decided when Triton is imported. Tensors are bfloat16
with strides that are multiples of 16, as at full size, and N = 16.
"""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

os.environ["TRITON_INTERPRET"] = "0"

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from mgi.scan import triton_backward, triton_kernels, triton_scan

STATES = 16
WORDS = {"bc": "*i32"} | dict.fromkeys(("u", "delta", "z", "y", "ungated", "gradient", "du", "ddelta", "dz"), "*bf16")
ALIGNED = ("ub", "ul", "db", "dl", "zb", "zl", "gb", "gl", "L", "E")
NUMBERS = (*ALIGNED, "N", "tiles", "chunk", "chunks")
KERNELS = {
    "forward": (triton_kernels.forward_kernel, {"SAVE": True, "STARTS": False}),
    "ends, adjoint": (triton_kernels.ends_kernel, {"ADJOINT": True}),
    "carry": (triton_kernels.carry_kernel, {"ADJOINT": False}),
    "backward": (triton_backward.backward_kernel, {"STARTS": False}),
}


def compiled(kernel: Any, chosen: dict[str, Any]) -> bytes:
    """The kernel's machine code for sm_90, with the tile and the flags of a Mamba block."""
    size = triton_scan.tile()
    flags = {"T": size.tokens, "S": size.channels, "G": size.groups, "J": STATES // size.groups, "WIDE": False}
    flags |= dict.fromkeys(("SOFTPLUS", "HAS_D", "HAS_Z", "HAS_BIAS"), True) | {"REVERSE": False} | chosen
    constants = {name: flags[name] for name in kernel.arg_names if name in flags}
    signature, hints = {}, {}
    for index, name in enumerate(kernel.arg_names):
        signature[name] = "constexpr" if name in constants else WORDS.get(name, "i32" if name in NUMBERS else "*fp32")
        if signature[name].startswith("*") or name in ALIGNED:
            hints[(index,)] = [["tt.divisibility", 16]]
    warps = 1 if kernel is triton_kernels.carry_kernel else size.groups
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=hints)
    options = {"num_warps": warps, "num_stages": 1}
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm["cubin"]


def usage(name: str) -> dict[str, Any]:
    """Registers of a thread and the bytes that it spills, as the disassembler in Triton's wheel counts them."""
    disassembler = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as cubin:
        cubin.write(compiled(*KERNELS[name]))
        cubin.flush()
        command = [disassembler, "--dump-resource-usage", cubin.name]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    registers, stack, local = (int(re.search(rf"{key}:(\d+)", told)[1]) for key in ("REG", "STACK", "LOCAL"))
    return {"kernel": name, "registers": registers, "spilled": stack + local}


if __name__ == "__main__":
    print(json.dumps([usage(name) for name in KERNELS]))
