"""The stand-in archive is a process of its own, which never outlives the command that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from mgi.commands._service import service_for
from mgi.core.errors import ConfigError, ResourceError
from mgi.modalities.rna.settings import RnaSettings

SOURCE = Path(__file__).parents[3] / "src"
HOLD = """
import sys
from mgi.commands._service import service_for
from mgi.modalities.rna.settings import RnaSettings
with service_for(sys.argv[1], "", RnaSettings().base_url, RnaSettings()) as service:
    print(service.base_url, flush=True)
    sys.stdin.read()
"""


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/status", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def test_the_archive_answers_inside_of_the_block_and_not_after(simulated_archive):
    with service_for(str(simulated_archive), "/below", RnaSettings().base_url, RnaSettings()) as service:
        url = service.base_url.removesuffix("/below")
        assert answers(url)
    assert not answers(url)


def test_a_killed_command_takes_the_archive_with_it(simulated_archive):
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(simulated_archive)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with held:
        url = held.stdout.readline().strip()
        assert answers(url)
        held.send_signal(signal.SIGKILL)
    for _ in range(200):
        if not answers(url):
            return
        time.sleep(0.05)
    pytest.fail("the archive still answers")


def test_a_folder_without_an_archive_is_named(tmp_path):
    with (
        pytest.raises(ConfigError, match=r"no archive\.json"),
        service_for(str(tmp_path), "", RnaSettings().base_url, RnaSettings()),
    ):
        pass


def test_an_archive_that_does_not_start_is_an_error(simulated_archive, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    with (
        pytest.raises(ResourceError, match="start"),
        service_for(str(simulated_archive), "", RnaSettings().base_url, RnaSettings()),
    ):
        pass
