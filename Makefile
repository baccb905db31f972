# make demo   the whole workflow on a simulated cohort        make test    every test
# make setup  the Python environment in .venv (TORCH=cpu|cuda: that build of torch)
#                                                                          make check   style, types, import contracts, workflow, tests
# make faults  every way in which a service can fail          make fuzz    every reader against mutated files
# make flips  every file of the results, damaged on its way into each of its readers
# make kill   kill -9 in every rule of the ingestion (long)   make bench-ingest   ingestion at full size, beside its peers
# make kill-slides  kill -9 while slides are fetched that are not kept, and while their shard is written
# make machine  a full disk at each stage, SIGSTOP, a clock that jumps back, few file handles (long)
# make slurm-test  the toy workflow on a SLURM of one node, and jobs that are cancelled, drained, killed or too large (long)
# make signals  SIGTERM, SIGUSR1 and SIGKILL to trainings, at random moments
# make bench-retrieval  whose genes belong to an image?       make bench-encoders  layers over 1,024 to 60,484 tokens
# make bench-train  training's data path and step             make config-docs  the config's schema, file and page of the docs
# make lock-check  do the lock files resolve without this machine's pip settings?
# make coverage  every test, and how much of src/ they run, by package
# make site   the pages of docs/ as a site, in build/site; a link that leads nowhere fails
# make storage  results in a remote storage, with Snakemake's plugin for folders
# make environments  conda environments, torch's locks and the container's recipes, from pyproject.toml and requirements.txt
# make clean  caches and the demo's results
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup dev demo config-docs environments site storage test coverage lint lock-check check faults fuzz flips kill kill-slides signals machine slurm-test bench-ingest bench-encoders bench-retrieval bench-train clean

# The first of the tested Pythons that is here (a shim that is on PATH and cannot start is none).
TESTED := 3.11 3.12 3.13
PYTHON ?= $(firstword $(foreach v,$(TESTED),$(shell python$(v) -c 'print("python$(v)")' 2>/dev/null)) python3)
VENV := $(CURDIR)/.venv
# Rules call `python`, and snakefmt calls `shfmt`: both are to be the ones of .venv.
export PATH := $(VENV)/bin:$(PATH)
# Idle OpenMP threads that spin slow down everything else on a small machine.
export OMP_WAIT_POLICY := PASSIVE
# A stamp carries the digest of its lock file: the same lock is not installed twice.
stamp = .venv/.installed-$(1)-$(shell cat $(2) | cksum | cut -d' ' -f1)
# TORCH=cpu or TORCH=cuda says which build of torch; without it pip's settings decide, and a finished set-up of either counts.
TORCH ?=
LOCK := $(if $(TORCH),requirements-torch-$(TORCH).txt,requirements.txt)
any_run := $(call stamp,run,requirements.txt requirements-cuda.txt)
RUN_STAMP := $(if $(TORCH),$(any_run)-$(TORCH),$(or $(firstword $(wildcard $(any_run)*)),$(any_run)))
SLURM_STAMP := $(call stamp,slurm,requirements.txt requirements-cuda.txt requirements-slurm.txt)
DEV_STAMP := $(call stamp,dev,requirements.txt requirements-cuda.txt requirements-dev.txt)
# pip says nothing for minutes when quiet and too much when not: a line now and then, the rest into a file.
PROGRESS := awk '/^Collecting/ && ++n % 20 == 0 {print "  " n " packages found"; fflush()} /^Installing/ {print "  installing them"; fflush()}'
# Not all is compiled ahead: what jobs import is, at the end.
PIP := $(VENV)/bin/python -m pip install --no-compile --progress-bar off --disable-pip-version-check
LOG := .venv/install.log
VERSIONS := 3.11, 3.12 or 3.13
# Measured with the locks of today.
CPU_SIZE := 0.5 GB with the CPU build of torch (2 GB on disk)
CUDA_SIZE := 3 GB with its CUDA build (6 GB on disk)
SIZES := $(or $(if $(filter cpu,$(TORCH)),$(CPU_SIZE)),$(if $(filter cuda,$(TORCH)),$(CUDA_SIZE)),$(CPU_SIZE) or $(CUDA_SIZE): TORCH=cpu or TORCH=cuda says which)
# Else each job of a run would compile the same libraries, where PYTHONDONTWRITEBYTECODE is set.
COMPILE := PYTHONPATH=workflow python -m lib.bytecode
CPU_HINT := $(if $(filter cpu,$(TORCH)),; echo "setup: TORCH=cpu: pip must know an index with builds of torch for CPUs alone: PIP_EXTRA_INDEX_URL=... make setup TORCH=cpu")
install = $(PIP) -r $(1) 2>$(LOG).err | tee $(LOG) | $(PROGRESS) || { tail -n 20 $(LOG) $(LOG).err; echo "setup: pip failed; all that it said is in $(LOG) and $(LOG).err"$(CPU_HINT); exit 1; }
DEMO := --configfile config/demo.yaml --cores all

help:
	@sed -n '1,/^SHELL/s/^# //p' Makefile

setup: $(RUN_STAMP)

dev: $(DEV_STAMP)

$(RUN_STAMP):
	@python=$(PYTHON); command -v $$python >/dev/null || { echo "setup: no $$python on this machine; install Python $(VERSIONS) or name one: make setup PYTHON=/path/to/python3.11"; exit 1; }; \
	$$python -c 'import sys; sys.exit("{}.{}".format(*sys.version_info) not in "$(TESTED)".split())' || { echo "setup: $$python is not Python $(VERSIONS), for which requirements.txt was tested; name one: make setup PYTHON=/path/to/python3.11"; exit 1; }; \
	$$python -m venv .venv || { echo "setup: $$python cannot make environments; on Debian and Ubuntu install $$python-venv"; exit 1; }
	@test -f $(LOCK) || { echo "setup: TORCH: found $(TORCH), expected cpu or cuda"; exit 1; }
	@echo "setup: installing $$(grep -c == requirements.txt) packages into .venv; pip downloads $(SIZES)"
	@$(call install,$(LOCK))
	@$(PIP) -q --no-deps --no-build-isolation --editable .  # the command `mgi`, run from src/
	@$(COMPILE)
	@rm -f .venv/.installed-run-* && touch $@
	@echo "setup: done; after 'source .venv/bin/activate' the commands mgi and snakemake are there"

$(DEV_STAMP): $(RUN_STAMP)
	@echo "setup: installing what the tests need"
	@$(call install,requirements-dev.txt)
	@rm -f .venv/.installed-dev-* && touch $@

$(SLURM_STAMP): $(RUN_STAMP)
	@echo "setup: installing what a run on SLURM needs"
	@$(call install,requirements-slurm.txt)
	@rm -f .venv/.installed-slurm-* && touch $@

demo: setup
	@PYTHONPATH=workflow python -m lib.stale_lock results/demo || { test $$? -eq 3 || exit 2; echo "demo: a killed run left its lock; removing it"; snakemake $(DEMO) --unlock --quiet all; }
	@snakemake $(DEMO) --quiet rules reason host
	@python workflow/lib/results_table.py results/demo

config-docs: setup
	@PYTHONPATH=src python -m mgi config --write

environments: dev
	@PYTHONPATH=workflow python -m lib.environments

site: dev
	@NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict 2>&1 | { grep -v '^INFO' || true; }  # with --quiet it is not strict
	@echo "site: build/site/index.html"

# Every start of Snakemake loads the plugins that it finds: this one lies apart.
storage: dev
	@test -d build/storage || $(PIP) -q --no-deps --target build/storage snakemake-storage-plugin-fs==1.1.3 reretry==0.11.8 sysrsync==1.1.1 toml==0.10.2
	@PYTHONPATH=$(CURDIR)/build/storage python -m pytest -q tests/workflow/test_storage.py

PYTEST := python -m pytest -q -n auto --maxprocesses 4 --dist worksteal

test: dev
	@$(PYTEST)

# Lines and branches that the tests run, by package; below this share of src/ it fails.
coverage: dev
	@$(PYTEST) --cov --cov-report=
	@coverage json -q -o build/coverage.json
	@python tests/coverage_table.py build/coverage.json 90

lint: dev
	ruff check .
	mypy
	mypy --strict workflow/lib
	PYTHONPATH=src lint-imports
	snakefmt --check Snakefile workflow
	snakemake --lint

# Needs the package registry, and says so where it has none.
lock-check: dev
	@python workflow/lib/lock_check.py

check: lint test

# BENCH="--files 60 --series 10 --rounds 1" for a small one; the peers take part where docs/explanation/peers.md put them.
bench-ingest: setup
	@PYTHONPATH=src python benchmarks/ingest/ingest.py $(BENCH)

# BENCH=--quick for a trial of two lengths.
bench-encoders: setup
	@PYTHONPATH=src python benchmarks/encoders.py $(BENCH)

bench-train: setup
	@PYTHONPATH=src python benchmarks/train.py $(BENCH)

# Two cohorts side by side, a core each; a killed run goes on where it stopped.
bench-retrieval: setup
	@PYTHONPATH=src OMP_NUM_THREADS=1 python benchmarks/retrieval.py $(BENCH)

# Each prints one line of counts and fails where it is not clean; fuzz and kill keep what they found under build/.
faults: dev
	@PYTHONPATH=src python tests/faults/matrix.py

fuzz: dev
	@PYTHONPATH=src:workflow:tests OMP_NUM_THREADS=1 python -m fuzz

flips: dev
	@PYTHONPATH=src:workflow:tests OMP_NUM_THREADS=1 python -m flips

kill: dev
	@PYTHONPATH=src:workflow:tests OMP_NUM_THREADS=1 python -m killing

kill-slides: dev
	@PYTHONPATH=src:tests python -m killing.slides

signals: dev
	@PYTHONPATH=src:tests OMP_NUM_THREADS=1 python -m preempting

# Needs a user who may mount a small file system: root, as in a container.
machine: dev
	@PYTHONPATH=src:workflow:tests OMP_NUM_THREADS=1 python -m machine

# Needs root and SLURM's packages (docs/explanation/reliability.md), and says so where it has none.
slurm-test: $(SLURM_STAMP)
	@PYTHONPATH=src:workflow:tests OMP_NUM_THREADS=1 python -m queueing

clean:
	rm -rf results/demo results/demo-null results/retrieval results/retrieval-null results/toy build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests workflow -name __pycache__ -type d -prune -exec rm -rf {} +
