"""How glibc hands out memory to a job that computes with torch on a CPU: set before the process starts."""

KEEPS_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_ARENA_MAX": "1",
    "THP_MEM_ALLOC_ENABLE": "1",
}
"""Environment in which what a step frees is kept for the next one, up to 16 GiB, in pages of 2 MiB where the kernel has
them. Else the kernel clears its pages anew in each step. docs/explanation/benchmarks.md has what that saves and costs.
"""
