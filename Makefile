# Each target sets up by itself. `make demo` is the place to start.
PY := .venv/bin/python
UV := .venv/bin/uv
UV_VERSION := 0.13.9
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
# Whether a variable is set to anything but a no; and an option with its value as one word of the shell, whatever stands in it.
yes = $(filter-out 0 n N no No NO false False FALSE off Off OFF,$(1))
option = $(if $(2),$(1) '$(subst ','\'',$(2))')
# What `make demo` takes: MESSAGES=DIR your own tables, JSON=FILE the summary, KEEP=1 leave it up,
# SHORT=1 nine smaller days instead of fourteen, VERBOSE=1 every figure and reason on the screen, too.
DEMO = $(call option,--messages,$(MESSAGES)) $(call option,--json,$(JSON)) \
  $(if $(call yes,$(KEEP)),--keep) $(if $(call yes,$(SHORT)),--short) $(if $(call yes,$(VERBOSE)),--verbose)

.PHONY: help setup up demo unit measures test faults check lint types contracts pinned bench-stream bench-serve bench-decisions bench-queue bench-train clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

setup: .venv/installed ## install everything into .venv (TORCH_BACKEND=cpu chooses the small torch)

.venv/installed: requirements/all.lock requirements/torch.lock pyproject.toml
	test -x $(PY) || python3 -m venv .venv
	test -x $(UV) || $(PY) -m pip install --quiet uv==$(UV_VERSION)
	$(UV) pip install --quiet --compile-bytecode --python $(PY) --no-deps --require-hashes -r requirements/all.lock
ifdef TORCH_BACKEND
	$(UV) pip install --quiet --compile-bytecode --python $(PY) --torch-backend=$(TORCH_BACKEND) torch==2.13.0
else
	$(UV) pip install --quiet --compile-bytecode --python $(PY) --no-deps --require-hashes -r requirements/torch.lock
endif
	$(UV) pip install --quiet --python $(PY) --no-deps -e .
	touch $@

up: setup ## embedded Kafka and PostgreSQL until Ctrl-C
	$(PY) -m services.local up --dir .local/up

demo: setup ## the whole loop on two weeks of traffic (MESSAGES=DIR JSON=FILE KEEP=1 SHORT=1 VERBOSE=1)
	@$(PY) -m services.local.demo $(DEMO)

lint: setup ## ruff: format and rules
	ruff format --check .
	ruff check .

measures: setup ## how dense the code is, how much of it is tested, and what of these is held
	@$(PY) tests/measures.py

types: setup ## mypy --strict
	mypy

contracts: setup ## import contracts of docs/architecture.md
	lint-imports

unit: setup ## the inner loop: what needs no server, in half a minute (ONLY=name some of it)
	$(PY) -m pytest -n 2 --dist loadfile --hypothesis-profile quick tests/unit $(call option,-k,$(ONLY))

test: setup ## all tests, on a real Kafka and a real PostgreSQL
	$(PY) -m pytest -n 2 --dist loadfile

pinned: setup ## decisions and windows of known histories, against those committed in tests/pinned/expected (WRITE=1 writes them anew)
	@PYTHONPATH=tests $(PY) -m pinned $(if $(call yes,$(WRITE)),--write)

faults: setup ## every fault injected, nothing lost, nothing doubled: about three quarters of an hour (SHORT=1: those that CI runs)
	$(if $(call yes,$(SHORT)),FAULTS=short) $(PY) -m pytest tests/faults

bench-stream: setup ## the stream worker against its peers, about half an hour (QUICK=1 ONLY=a,b RUNS=5)
	@$(PY) -m benchmarks.stream $(if $(call yes,$(QUICK)),--quick) $(call option,--only,$(ONLY)) $(if $(RUNS),--runs $(RUNS))

bench-serve: setup ## the gateway under load over HTTP, beside bare servers and the model alone: about ten minutes (QUICK=1 ONLY=granian,robyn)
	@$(PY) -m benchmarks.serve $(if $(call yes,$(QUICK)),--quick) $(call option,--only,$(ONLY))

bench-decisions: setup ## decisions on simulated incidents and quiet years, beside other tools (QUICK=1 TUNING=1 SCENARIOS=6 YEARS=2 ONLY=part KINDS=a,b CHAMPIONS=a,b MESSAGES=DIR)
	@$(PY) -m benchmarks.decisions $(if $(call yes,$(QUICK)),--quick) $(if $(call yes,$(TUNING)),--tuning) $(if $(SCENARIOS),--scenarios $(SCENARIOS)) $(if $(YEARS),--years $(YEARS)) $(call option,--only,$(ONLY)) $(call option,--kinds,$(KINDS)) $(call option,--champions,$(CHAMPIONS)) $(call option,--messages,$(MESSAGES))

bench-queue: setup ## what labels teach that the queue asks for, against random ones: about ten minutes (MESSAGES=DIR SEEDS=5)
	@OPENBLAS_NUM_THREADS=1 $(PY) -m benchmarks.asking $(call option,--messages,$(MESSAGES)) $(if $(SEEDS),--seeds $(SEEDS))

bench-train: setup ## how fast a fine-tune is, against the Trainer of transformers, and how good the model, against a linear one: half an hour (MESSAGES=DIR SEEDS=3 ROWS=640)
	@$(PY) -m benchmarks.train $(call option,--messages,$(MESSAGES)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(ROWS),--rows $(ROWS))

check: lint types contracts test ## what .ci/run calls

clean: ## remove what was installed and made here
	rm -rf .venv .local *.egg-info
