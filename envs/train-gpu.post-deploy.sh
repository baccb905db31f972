#!/usr/bin/env bash
# mamba-ssm compiles against the torch of this environment: 10 to 30 minutes on a few cores. Only its scan is used, so
# causal-conv1d, which compiles even longer, is left out.
set -euo pipefail
python -m pip install --no-build-isolation mamba-ssm==2.3.2.post1
