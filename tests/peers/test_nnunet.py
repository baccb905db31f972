"""nnU-Net v2 (PyPI: nnunetv2) accepts the dataset that is written for it."""

import json
import os
import subprocess
from pathlib import Path

from mgi.cli import main
from nnunet_study import write_results


def test_its_own_check_of_integrity_finds_nothing_wrong(nnunet_fingerprint: str, tmp_path: Path) -> None:
    export = tmp_path / "nnunet"
    assert main(["export-nnunet", f"--results={write_results(tmp_path / 'results')}", f"--output={export}"]) == 0
    folders = {name: str(export / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    command = [nnunet_fingerprint, "-d", "501", "--verify_dataset_integrity", "-np", "1"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | folders
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "verify_dataset_integrity Done" in said
    assert not [line for line in said.splitlines() if line.startswith(("Error", "ERROR", "Warning", "WARNING"))]
    found = json.loads((export / "nnUNet_preprocessed/Dataset501_MGI/dataset_fingerprint.json").read_text())
    assert len(found["spacings"]) == 5
