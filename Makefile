# Two commands do everything: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test lint types contracts unit web benchmarks clean

demo: $(INSTALLED)
	$(BIN)/tomosplat demo --output demo

test: lint types contracts web unit

lint: $(INSTALLED)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(INSTALLED)
	$(BIN)/mypy

contracts: $(INSTALLED)
	$(BIN)/lint-imports

unit: $(INSTALLED)
	$(BIN)/pytest -n auto --dist loadgroup

# The page that is committed must be what its sources build to, byte for byte. Only this needs node.
web:
ifeq ($(shell command -v npm),)
	@echo "npm is not installed: the browser page was not rebuilt and compared with its sources"
else
	cd web && npm ci --silent --no-audit --no-fund && npm run --silent check && npm run --silent build
	git diff --exit-code --stat -- src/tomosplat/viewer/static
endif

benchmarks: $(INSTALLED)
	$(BIN)/python benchmarks/rasterize.py
	$(BIN)/python benchmarks/demo.py

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv demo .mypy_cache .pytest_cache .ruff_cache
