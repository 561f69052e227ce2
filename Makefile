# Every target does its own set-up; the second call starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check bench models soak clean

demo: $(READY)
	$(BIN)/creative-gan demo

# as many processes as processors, a thread each: networks of tests are too small for two
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow and not realdata and not gpu"

# Accidents by the thousand, for hours: tests/reliability with the full counts of docs/reliability.md; then what
# `make test` leaves out because it takes a minute each.
soak: $(READY)
	CREATIVE_GAN_SOAK=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/reliability
	CREATIVE_GAN_SOAK=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long

bench: $(READY)
	$(BIN)/python benchmarks/image_speed.py

DATA ?= ../shared/data

# the models that come with the package, or one of them: make models ONLY=digits DATA=folder/of/data/sets
models: $(READY)
	$(BIN)/python scripts/ship.py --data $(DATA) $(if $(ONLY),--only $(ONLY))

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "creative-gan needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache demo
