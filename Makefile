# Two commands do all set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# PyPI's torch for Linux brings some 2.7 GB of GPU libraries. TORCH_INDEX is a package index that is asked for
# torch as well, and its CPU build is preferred: by default PyTorch's own, on Linux without an NVIDIA GPU.
# `make demo TORCH_INDEX=` asks none, `make demo TORCH_INDEX=https://...` another, such as a mirror.
CPU_INDEX := https://download.pytorch.org/whl/cpu
SYSTEM := $(shell uname -s)
GPU := $(shell command -v nvidia-smi; ls /dev/nvidia* 2>/dev/null)
TORCH_INDEX ?= $(if $(GPU),,$(if $(filter Linux,$(SYSTEM)),$(CPU_INDEX)))
# Fails within 10 seconds if an index does not answer, so that it is not asked again by pip, which would be patient.
ANSWERS := import signal, sys, urllib.request; signal.alarm(10); urllib.request.urlopen(sys.argv[1], timeout=5)

# Processes that the tests start need not compile the package each time, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test test-engines check tests lint bench docs clean

help:
	@echo "make demo     run the default model on real and on made-up prices, write runs/demo/, and the next orders"
	@echo "make check    ruff, mypy and the quick tests, in a minute or so: while you work"
	@echo "make test     ruff, mypy, all tests, the examples and the README's commands: before you push"
	@echo "make test-engines  quick tests of plug-in, feeds, execution and rules on other engines: pip install '.[engines]' in .venv first"
	@echo "make install  make .venv from constraints.txt (the three above do it first)"
	@echo "make bench    speed ratios, see benchmarks/README.md"
	@echo "make docs     the documentation site with the notebooks run, build/docs/index.html; installs Sphinx first"
	@echo "make clean    remove .venv, caches and runs/"
	@echo "with TORCH_INDEX=URL torch comes from that package index, with TORCH_INDEX= from pip's usual one"

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
	@index='$(TORCH_INDEX)'; \
	if [ -n "$$index" ] && ! $(PYTHON) -c '$(ANSWERS)' "$${index%/}/torch/" >/dev/null 2>&1; then \
		echo "$$index does not answer, so torch comes from pip's usual index."; index=; \
	fi; \
	if [ -z "$$index" ] && [ "$(SYSTEM)" = Linux ]; then \
		echo "Unless pip's usual index has a CPU build, some 2.7 GB of GPU libraries are downloaded with torch."; \
		echo "To avoid that, stop here and name an index of CPU builds or a mirror of it:"; \
		echo "    make $(or $(MAKECMDGOALS),demo) TORCH_INDEX=$(CPU_INDEX)"; \
	fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar off \
		--constraint constraints.txt $${index:+--extra-index-url "$$index"} torch
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --quiet \
		--constraint constraints.txt --no-build-isolation --editable '.[examples,test]'
	@touch $@

demo: install
	$(BIN)/attngru-bt demo --out runs/demo
	$(BIN)/attngru-bt picks --asof 2022-12-31 --n-networks 1 --keep 15 \
		--folder runs/demo/real --out runs/demo-picks

# Both run ruff and mypy beside the tests.
test: install
	@$(MAKE) --no-print-directory -j2 lint tests

check: install
	@$(MAKE) --no-print-directory -j2 lint tests WHICH='-m "not slow"'

# Two processes, each of one thread: more would wait for each other.
tests: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(WHICH)

# On each other engine that is installed in .venv, see the extra `engines`: the quick tests, since the slow ones
# compare with backtrader's own feeds and modes, which the others have changed.
ENGINES := backtrader_next
ENGINE_TESTS := tests/test_plugin.py tests/feeds tests/trading tests/markets
test-engines: install
	@for engine in $(ENGINES); do \
		if $(BIN)/python -c "import sys, importlib.util as u; sys.exit(not u.find_spec('$$engine'))"; then \
			echo "On $$engine:"; \
			ATTNGRU_BACKTRADER=$$engine OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal \
				-m "not slow" $(ENGINE_TESTS) || exit 1; \
		else \
			echo "$$engine is not installed: $(BIN)/python -m pip install '.[engines]'"; \
		fi; \
	done

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python -m benchmarks

# The site needs what no test does, so it is installed when the site is asked for.
$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --quiet \
		--constraint constraints.txt --no-build-isolation --editable '.[docs]'
	@touch $@

docs: $(VENV)/.docs
	rm -rf build/docs
	$(BIN)/python -m sphinx -q -W --keep-going -c docs -b html . build/docs
	$(BIN)/python docs/check_links.py build/docs

clean:
	rm -rf $(VENV) runs build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
