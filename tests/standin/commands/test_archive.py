import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

import mgi_standin
from mgi_standin.archive.server import serve
from mgi_standin.commands.archive import parser, run
from mgi_standin.errors import BadInputError, ResourceError


def heed_interrupts() -> None:
    """A shell starts what it puts in the background deaf to SIGINT, and so the tests and all their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_the_command_serves_until_interrupted(archive_folder):
    source = str(Path(mgi_standin.__file__).parents[1])
    rules = archive_folder.parent / "rules.json"
    rules.write_text('[{"path": "^/data/f01$", "fault": "status", "value": 503, "calls": "only 2"}]')
    options = ["--folder", str(archive_folder), "--port", "0", "--faults", str(rules)]
    command = [sys.executable, "-m", "mgi_standin", "archive", *options]
    environment = {**os.environ, "PYTHONPATH": source}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=heed_interrupts
    ) as process:
        process.stdout.readline()
        url = process.stdout.readline().split()[1]
        assert requests.get(f"{url}/status", timeout=10).json()["status"] == "OK"
        assert [requests.get(f"{url}/data/f01", timeout=10).status_code for _ in range(3)] == [200, 503, 200]
        process.send_signal(signal.SIGINT)
        printed = process.stdout.read()
    assert f"curl {url}/status" in printed
    assert f"1 fault rules of {rules} apply" in printed
    assert printed.endswith("stopped\n")
    assert process.returncode == 0


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_that_is_no_archive_is_named(tmp_path, make):
    folder = tmp_path / "none"
    if make:
        folder.mkdir()
    with pytest.raises(BadInputError, match=r"none: .*archive\.json"):
        run(parser().parse_args(["--folder", str(folder)]))


def test_a_port_in_use_is_named(archive_folder):
    with serve(archive_folder) as service:
        port = service.url.rpartition(":")[2]
        with pytest.raises(ResourceError, match=f"port {port} .*--port"):
            run(parser().parse_args(["--folder", str(archive_folder), "--port", port]))


def test_a_port_that_cannot_be_is_named(archive_folder):
    with pytest.raises(ResourceError, match=r"port 70000: .*65535"):
        run(parser().parse_args(["--folder", str(archive_folder), "--port", "70000"]))


def test_rules_that_cannot_be_followed_are_named(archive_folder, tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text('[{"path": "/", "fault": "gremlin"}]')
    with pytest.raises(BadInputError, match=r"rules\.json: rule 1: fault: .*'gremlin'"):
        run(parser().parse_args(["--folder", str(archive_folder), "--faults", str(rules)]))


def test_the_help_lists_the_faults():
    assert "drop FRACTION" in parser().format_help()
