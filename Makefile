PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MAKEFLAGS += --jobs=2 # types are checked while the kernels are compiled
unexport PYTHONDONTWRITEBYTECODE # hundreds of processes would compile our modules, each anew

.DEFAULT_GOAL := help
.PHONY: help venv lock run test check check-fast static fit format bench bench-detection bench-adversary trial chaos soak clean

help: ## print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

venv: $(VENV)/.compiled ## create .venv with everything in it

$(VENV)/.installed: pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes --requirement requirements.lock
	rm -rf usage_analyzer.egg-info # of an older checkout, whose entry points would be found first
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.compiled: $(VENV)/.installed $(shell grep -rlE --include='*.py' '^@(compiled|borrowing)' analyzer/core)
	$(BIN)/python -m analyzer.precompile
	touch $@

lock: ## choose the versions of all dependencies anew: requirements.lock, with hashes
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet uv==0.13.9
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--upgrade --no-emit-index-url --custom-compile-command 'make lock' --extra dev --extra embedded \
		pyproject.toml --output-file requirements.lock
	rm -rf $(VENV)-lock

run: venv ## first run: broker, worker, notifier and traffic with a campaign hidden in it
	$(BIN)/analyzer demo

test: static venv ## what CI runs: format, lint, types, layers and all tests (on Apache Kafka if it is there)
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal

check: test ## the same

check-fast: static venv ## format, lint, types, layers, and the tests that need no broker and no simulated world
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m 'not integration and not slow'

static: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fit: venv ## make again what ships fitted, from simulated worlds; writes fitted/
	$(BIN)/analyzer fit --out fitted

format: venv ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: venv ## measure speed beside its peers in one run; writes bench.json
	$(BIN)/analyzer bench

bench-detection: venv ## judge detection on simulated worlds with labels; writes bench-detection.json
	$(BIN)/analyzer bench-detection

bench-adversary: venv ## let an operator look for the style in which he is found last; writes bench-adversary.json
	$(BIN)/analyzer bench-adversary

.venv-trial/.installed: deploy/trial/requirements.txt
	$(PYTHON) -m venv .venv-trial
	.venv-trial/bin/python -m pip install --quiet --requirement deploy/trial/requirements.txt
	touch $@

trial: venv .venv-trial/.installed ## real clients through a real gateway; see deploy/trial/README.md
	$(BIN)/python deploy/trial/run.py

SEED ?= 1
chaos: venv ## kill, freeze and starve workers and brokers, and every variant; SEED=2 for other blows
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal tests/stream/test_chaos.py tests/stream/test_chaos_brokers.py \
		tests/stream/test_poison.py tests/stream/test_secure.py tests/sinks/test_notify.py \
		tests/stream/test_topic_life.py tests/stream/test_broker_away.py \
		tests/stream/test_simulation.py tests/golden tests/core/test_same_bytes.py \
		tests/core/test_live_campaigns.py tests/core/test_feedback.py tests/fuzz \
		--chaos 20 --chaos-seed $(SEED) --seeds 10000 --fuzz 25 -rP

soak: venv ## half an hour of traffic with kills; the answers must not change, nor memory grow
	$(BIN)/python -m pytest tests/stream/test_soak.py --soak 30 --capture no

clean: ## remove everything that can be made again
	rm -rf $(VENV) build dist *.egg-info deploy/kafka/lib deploy/kafka/data bench.json
