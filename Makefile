# The two commands of the README. Both set up .venv first, from pyproject.toml alone.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: reproduce test lint bench

reproduce: .venv/.installed
	$(BIN)/python run_all.py $(ARGS)

test: .venv/.installed
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Speed, side by side with PyTorch, Keras's own fit and plain NumPy; needs a quiet machine.
bench: .venv/.installed
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m pytest tests/benchmarks/test_training_speed.py $(ARGS)
	$(BIN)/python -m pytest tests/benchmarks/test_one_sample_speed.py $(ARGS)

.venv/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@
