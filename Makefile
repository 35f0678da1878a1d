# Two commands do all set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help install demo test lint bench docs clean

help:
	@echo "make demo     run the paper's strategy on the embedded data, write runs/demo/"
	@echo "make test     ruff, mypy, all tests, the examples and the README's commands"
	@echo "make install  make .venv from constraints.txt (the two above do it first)"
	@echo "make bench    speed ratios, see benchmarks/README.md"
	@echo "make clean    remove .venv, caches and runs/"

install: $(VENV)/.installed

# A second call installs nothing: the stamp is newer than what says what to install.
$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "attngru_bt needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1). Call make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) comes without its venv module (Debian and Ubuntu package it apart)."; \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing the package python3-venv."; \
			apt-get update -qq && apt-get install -y -qq python3-venv; \
		else \
			echo "Install it with: sudo apt-get install python3-venv, then call make again."; exit 1; \
		fi; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt setuptools
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --quiet \
		--constraint constraints.txt --no-build-isolation --editable '.[examples,test]'
	@touch $@

demo: install
	$(BIN)/attngru-bt backtest --out runs/demo

test: install lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: install
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: install
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) runs build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
