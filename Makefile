# The commands of the README. `make` alone lists them.

PYTHON ?= python3
CORES ?= all
CONFIG ?=
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG)) --quiet rules

.PHONY: help map theory plan retry update remove_weights report test check bench bench-geometry \
    bench-controller lint format clean

help:
	@echo "make map      train the zoo, score it, draw its map (no download of models or data)"
	@echo "make plan     what a run will cost: downloads, disk, memory, GPU-hours"
	@echo "make report   results/report.html alone"
	@echo "make theory   hold distances against KL divergences measured (minutes)"
	@echo "make check    lint and the fast tests"
	@echo "make test     lint and all tests"
	@echo "make bench    how fast scoring, geometry and planning are, against other ways"
	@echo "make bench-geometry   geometry alone: 1,018 and 10,000 models, time and memory"
	@echo "make bench-controller planning alone: 1,000 and 10,000 models, time and memory"
	@echo "make retry    ask once more for models that failed; update: look for new commits"
	@echo "make remove_weights   free the disk of models already scored"
	@echo "              (these, map and report with CONFIG=FILE: that config, not the zoo's)"
	@echo "make clean    remove what was made: results, the zoo, samples, logs"

.venv/installed: envs/requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements.txt
	touch $@

map: .venv/installed
	$(SNAKEMAKE)

plan: .venv/installed
	$(SNAKEMAKE) -- plan
	@cat results/plan.txt

retry remove_weights: .venv/installed
	$(SNAKEMAKE) -- $@

update: .venv/installed
	$(SNAKEMAKE) --forcerun retrieve --until retrieve

report: .venv/installed
	$(SNAKEMAKE) -- report

theory: .venv/installed
	$(SNAKEMAKE) -- theory
	$(SNAKEMAKE) -- report

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

# As many at a time as there are cores; a file's tests stay together, and share what it sets up.
SIDE_BY_SIDE := --numprocesses auto --dist loadfile

check: lint
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow"

test: lint
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

# A rival, installed for the benchmark only, beside the environment.
.venv/rivals: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $@ \
	    minicons==0.3.39 wonderwords==3.0.1

bench: .venv/rivals
	PYTHONPATH=.venv/rivals $(BIN)/python tests/benchmarks/scoring.py
	$(BIN)/python tests/benchmarks/geometry.py
	$(BIN)/python tests/benchmarks/controller.py

bench-geometry: .venv/installed
	$(BIN)/python tests/benchmarks/geometry.py

bench-controller: .venv/installed
	$(BIN)/python tests/benchmarks/controller.py

clean:
	rm -rf logs .snakemake results/[!R]* \
	    resources/converted resources/fetched resources/models resources/samples resources/zoo
