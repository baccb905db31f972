"""A SLURM of one node on this machine, for as long as a block of code runs: real daemons, private ports and sockets.

Needs root and the packages munge, slurmctld, slurmd, slurmdbd, slurm-client and mariadb-server. Nothing is written
outside the folder. Memory is enforced where the cgroups of version 1 can be written to.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

NEEDED = ("munged", "slurmctld", "slurmd", "slurmdbd", "mariadbd", "mariadb-install-db", "sbatch", "sacct")
CGROUPS = Path("/sys/fs/cgroup/memory")
NODE = socket.gethostname().split(".")[0]
ACCOUNT = "toy"
PATIENCE_S = 120.0
# An hour at most in one partition, a pretended GPU in the other.
CONFIG = """\
ClusterName=one
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={slurmd_port}
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={folder}/munge.sock
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={dbd_port}
AccountingStoragePass={folder}/munge.sock
ProctrackType=proctrack/linuxproc
TaskPlugin=task/{task}
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,batch_sched_delay=0
GresTypes=gpu
ReturnToService=2
KillWait=5
MpiDefault=none
NodeName={node} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:pretended:1
PartitionName=short Nodes={node} Default=YES MaxTime=01:00:00
PartitionName=gpus Nodes={node} MaxTime=04:00:00
"""
DBD_CONFIG = """\
AuthInfo=socket={folder}/munge.sock
DbdHost=localhost
DbdPort={dbd_port}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql_port}
StorageUser=slurm
StoragePass=slurm
"""
SQL = "CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm'; GRANT ALL ON slurm_acct_db.* TO slurm@'127.0.0.1';"


def lacking() -> list[str]:
    """What this machine lacks for it; empty where it can run."""
    missing = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    return missing + ([] if os.geteuid() == 0 else ["root"])


def memory_is_enforced() -> bool:
    """Whether a job that takes more memory than it asked for is killed."""
    return os.access(CGROUPS, os.W_OK)


@contextmanager
def one_node(folder: Path, *, accounting: bool = True) -> Iterator[Mapping[str, str]]:
    """The environment in which SLURM's commands reach the node; its daemons end with the block."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("state", "spool", "sql"):
        (folder / name).mkdir(parents=True)
    env = os.environ | {"PATH": _path(), "SLURM_CONF": str(folder / "slurm.conf")}
    _write_configs(folder, accounting)
    try:
        _start_daemons(folder, env, accounting)
        yield env
    finally:
        _stop(folder)


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _write_configs(folder: Path, accounting: bool) -> None:
    port, slurmd_port, dbd_port, sql_port = _free_ports(4)
    values = {
        "folder": folder, "node": NODE, "port": port, "slurmd_port": slurmd_port, "dbd_port": dbd_port,
        "sql_port": sql_port, "cpus": os.cpu_count(), "memory": (psutil.virtual_memory().total >> 20) - 512,
        "task": "cgroup" if memory_is_enforced() else "none",
    }  # fmt: skip
    text = CONFIG.format(**values)
    if not accounting:
        text = "\n".join(line for line in text.splitlines() if not line.startswith("Accounting")) + "\n"
    (folder / "slurm.conf").write_text(text)
    (folder / "gres.conf").write_text(f"NodeName={NODE} Name=gpu Type=pretended File=/dev/null\n")
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nConstrainRAMSpace=yes\n")
    (folder / "slurmdbd.conf").write_text(DBD_CONFIG.format(**values))
    (folder / "sql.port").write_text(str(sql_port))
    for name, mode in (("slurmdbd.conf", 0o600), ("munge.key", 0o400)):
        path = folder / name
        path.exists() or path.write_bytes(os.urandom(1024))
        path.chmod(mode)


def _start_daemons(folder: Path, env: Mapping[str, str], accounting: bool) -> None:
    sock = folder / "munge.sock"
    files = [f"--{name}={folder}/munge.{end}" for name, end in (("key-file", "key"), ("pid-file", "pid"))]
    files += [f"--{name}={folder}/munge.{end}" for name, end in (("log-file", "log"), ("seed-file", "seed"))]
    _call(env, "munged", "--force", f"--socket={sock}", "--num-threads=2", *files)
    if accounting:
        _start_accounting(folder, env)
    _call(env, "slurmctld")
    _wait(env, "scontrol", "ping")
    _call(env, "slurmd", "-N", NODE)
    _wait(env, "sh", "-c", "sinfo -h -o %T | grep -q idle")


def _start_accounting(folder: Path, env: Mapping[str, str]) -> None:
    sql = ("--no-defaults", "--user=root", f"--datadir={folder}/sql")
    _call(env, "mariadb-install-db", *sql, "--skip-test-db")
    server = ("mariadbd", *sql, f"--socket={folder}/sql.sock", f"--pid-file={folder}/mariadbd.pid")
    port = (folder / "sql.port").read_text()
    listen = ("--bind-address=127.0.0.1", f"--port={port}", "--innodb-buffer-pool-size=64M")
    log = (folder / "sql.log").open("w")
    subprocess.Popen([*server, *listen], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    _wait(env, "mariadb", f"--socket={folder}/sql.sock", "-e", "SELECT 1")
    _call(env, "mariadb", f"--socket={folder}/sql.sock", "-e", SQL)
    _call(env, "slurmdbd")
    _wait(env, "sacctmgr", "-n", "-i", "show", "cluster")
    for added in (("cluster", "one"), ("account", ACCOUNT), ("user", "root", f"account={ACCOUNT}")):
        _call(env, "sacctmgr", "-i", "add", *added)


def _stop(folder: Path) -> None:
    """End the daemons that were started here, by the numbers that they wrote."""
    for name in ("slurmd", "slurmctld", "slurmdbd", "mariadbd", "munge"):
        with suppress(OSError, ValueError, psutil.Error):
            process = psutil.Process(int((folder / f"{name}.pid").read_text()))
            process.terminate()
            process.wait(timeout=30)


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def _call(env: Mapping[str, str], *command: str) -> None:
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {(done.stderr or done.stdout).strip()[-500:]}")


def _wait(env: Mapping[str, str], *command: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while subprocess.run(command, env=env, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {PATIENCE_S:.0f} s: {' '.join(command)}")
        time.sleep(0.5)
