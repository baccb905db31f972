"""What the Triton kernels compile to for one GPU, without one: registers, spills, instructions per tile.

python benchmarks/scan_compiled.py            # a table for sm_90
python benchmarks/scan_compiled.py --json     # one JSON list, for tests

Everything is as at the flagship size: bfloat16 tensors whose strides are multiples of 16, N = 16. `per step` is the
number of instructions that a warp scheduler issues for 32 channels of one token, all warps of the program added up.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# Decided when Triton is imported: an interpreted kernel cannot be compiled.
os.environ["TRITON_INTERPRET"] = "0"
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

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
    "forward, chunks": (triton_kernels.forward_kernel, {"SAVE": False, "STARTS": True}),
    "ends": (triton_kernels.ends_kernel, {"ADJOINT": False}),
    "ends, adjoint": (triton_kernels.ends_kernel, {"ADJOINT": True}),
    "carry": (triton_kernels.carry_kernel, {"ADJOINT": False}),
    "backward": (triton_backward.backward_kernel, {"STARTS": False}),
    "backward, chunks": (triton_backward.backward_kernel, {"STARTS": True}),
}


def compiled(kernel: Any, chosen: dict[str, Any], capability: int) -> Any:
    """The kernel for one GPU generation, with the tile and the flags of a Mamba block."""
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
    return triton.compile(
        source, target=GPUTarget("cuda", capability, 32), options={"num_warps": warps, "num_stages": 1}
    )


def tool(name: str, *arguments: str) -> str:
    """What a program of Triton's wheel prints."""
    program = Path(triton.__file__).parent / "backends/nvidia/bin" / name
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout


def figures(name: str, capability: int) -> dict[str, Any]:
    """Registers of a thread, bytes spilled by it, shared bytes, and the largest loop's instructions by kind."""
    binary = compiled(*KERNELS[name], capability)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(binary.asm["cubin"])
        usage = tool("cuobjdump", "--dump-resource-usage", str(path))
        lines = re.findall(r"/\*([0-9a-f]{4,6})\*/\s+(.*?);", tool("cuobjdump", "--dump-sass", str(path)))
    registers, stack, local = (int(re.search(rf"{key}:(\d+)", usage)[1]) for key in ("REG", "STACK", "LOCAL"))
    jumps = [(int(found[1], 16), int(at, 16)) for at, text in lines if (found := re.search(r"BRA.*?(0x\w+)", text))]
    begin, end = max((span for span in jumps if span[0] < span[1]), key=lambda span: span[1] - span[0])
    kinds = collections.Counter(
        re.sub(r"^@!?U?P\w+\s+", "", text).split()[0].split(".")[0] for at, text in lines if begin <= int(at, 16) <= end
    )
    size = triton_scan.tile()
    steps = size.tokens * size.channels / 32 / size.groups
    return {
        "kernel": name,
        "registers": registers,
        "spilled": stack + local,
        "spills_per_step": (kinds["LDL"] + kinds["STL"]) / steps,
        "shared": binary.metadata.shared,
        "instructions": kinds.total(),
        "per_step": kinds.total() / steps,
        "mufu_per_step": kinds["MUFU"] / steps,
        "shfl_per_step": kinds["SHFL"] / steps,
        "shared_accesses_per_step": (kinds["LDS"] + kinds["STS"] + kinds["LDSM"] + kinds["STSM"]) / steps,
        "loads_and_stores_per_step": (kinds["LDG"] + kinds["STG"]) / steps,
    }


def main() -> None:
    """Print one line per kernel."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capability", type=int, default=90, help="10 x the GPU's compute capability")
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=list(KERNELS))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = [figures(name, args.capability) for name in args.kernels]
    if args.json:
        print(json.dumps(rows))
        return
    print(f"triton {triton.__version__}, sm_{args.capability}")
    print("| kernel | registers | spilled | shared B | per step: issued | MUFU | SHFL | shared | global |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        tail = ("per_step", "mufu_per_step", "shfl_per_step", "shared_accesses_per_step", "loads_and_stores_per_step")
        cells = [row["kernel"], row["registers"], row["spilled"], row["shared"], *(f"{row[key]:.0f}" for key in tail)]
        print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    main()
