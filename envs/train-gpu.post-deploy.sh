#!/usr/bin/env bash
# mamba-ssm and causal-conv1d compile against the torch of this environment: 10 to 30 minutes on a few cores.
set -euo pipefail
python -m pip install --no-build-isolation causal-conv1d==1.6.2.post1 mamba-ssm==2.3.2.post1
