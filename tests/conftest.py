"""What all tests share: one thread per numeric library, so that small tensors do not fight over few cores."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Triton decides when it is imported; a GPU machine sets 0 for the tests marked gpu.
os.environ.setdefault("TRITON_INTERPRET", "1")

# Their programs run as processes of their own, or call the same few readers thousands of times: tracing them costs much
# and tells little.
UNTRACED = ("benchmarks", "faults", "full_disk", "fuzz", "killing", "peers", "workflow")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Switch coverage off in the tests of UNTRACED."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in UNTRACED:
            item.add_marker("no_cover")
