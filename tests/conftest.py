"""What all tests share: one thread per numeric library, so that small tensors do not fight over few cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Triton decides when it is imported; a GPU machine sets 0 for the tests marked gpu.
os.environ.setdefault("TRITON_INTERPRET", "1")
