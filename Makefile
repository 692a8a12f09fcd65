# Everything runs in .venv, which is made when it is missing or older than what it is made from.
# Only Python 3.11 (with venv), make and a package index are needed.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
BUILD  := _build
BOOK   := $(BUILD)/html/index.html
# -n: a reference that leads nowhere is a warning; -W: a warning is an error.
STRICT := -W -n --keep-going
export CHROMIUM ?= $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))

# One thread: sums are added in one order, so that a run gives the same digits again.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Debuggers ask for this; without it each kernel start prints a warning.
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.DEFAULT_GOAL := help
.PHONY: help install book test test-library fuzz lint run lab demo experiments compare bench pdf accessibility lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with the pinned packages and this one

# The stamp is touched last: an installation that broke off is begun again.
$(STAMP): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11, or name it: make PYTHON=..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

book: $(STAMP) ## build the report from the committed notebooks and records
	$(BIN)/jupyter-book build $(STRICT) .
	@echo
	@echo "The report is built. Open $(BOOK) in a browser."

test: $(STAMP) lint ## lint, types, the report without a warning, all tests
	$(BIN)/jupyter-book build $(STRICT) --all .
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The library alone, in an environment without the report's packages. RESOLUTION=lowest takes the
# oldest version of each dependency that pyproject.toml admits. TORCH names a release of torch where
# the one that follows is not wanted: TORCH=2.13.0 is the one that the report is pinned to.
# The newest packages come with sdmetrics, with which some metrics are compared.
RESOLUTION ?= newest
TORCH      ?=
EXTRAS      = $(if $(filter newest,$(RESOLUTION)),test$(comma)oracle,test)
comma      := ,
LIBRARY    := $(BUILD)/library-$(notdir $(PYTHON))-$(RESOLUTION)

test-library: ## the library's own tests: make test-library PYTHON=python3.12 RESOLUTION=lowest
	rm -rf $(LIBRARY)
	$(PYTHON) -m venv $(LIBRARY)
	$(PYTHON) tools/bounds.py $(RESOLUTION) "$(TORCH)" > $(LIBRARY)/constraints.txt
	$(LIBRARY)/bin/python -m pip install --quiet --constraint $(LIBRARY)/constraints.txt ".[$(EXTRAS)]"
	$(LIBRARY)/bin/python -m pytest -n auto -m "not slow_process" tests/library --pyargs synthtab

fuzz: $(STAMP) ## ten minutes of made-up tables through the readers and writers of share
	$(BIN)/python tools/fuzz.py --minutes 10

lint: $(STAMP) ## style, format and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

run: $(STAMP) ## run one notebook into runs/: make run EXP=013_public ARGS="-p seed 7"
	@test -n "$(EXP)" || { echo 'name a notebook: make run EXP=013 ARGS="-p seed 7"'; exit 2; }
	@$(BIN)/python -m seds500 run $(EXP) $(ARGS)

lab: $(STAMP) ## open the notebooks in JupyterLab
	$(BIN)/python -m pip install --quiet --requirement requirements-lab.txt
	$(BIN)/jupyter lab notebooks

demo: $(STAMP) ## open the demo in JupyterLab: from a table to tested synthetic rows in a minute
	$(BIN)/python -m pip install --quiet --requirement requirements-lab.txt
	$(BIN)/jupyter lab notebooks/demo.ipynb

experiments: $(STAMP) ## re-run the committed notebooks and records: make experiments [IDS="013_public"]
	@$(BIN)/python -m seds500 experiments $(IDS)

compare: $(STAMP) ## re-run, replace nothing, and report what differs from the records
	@$(BIN)/python -m seds500 experiments --compare $(IDS)

bench: $(STAMP) ## run the benchmarks: make bench [BENCH=literature ARGS="013_standin_tabsyn"]
	@failed=""; for script in $(if $(BENCH),benchmarks/$(BENCH).py,benchmarks/*.py); do \
		test -e "$$script" || { echo "no $$script"; exit 2; }; \
		echo "== $$script"; $(BIN)/python "$$script" $(ARGS) || failed="$$failed $$script"; \
	done; test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

# Main text and appendices are laid out from Sphinx's one-file edition, the slides from their own page.
pdf: book ## main text, appendices and slides as PDF, beside the built pages (needs Chromium)
	@test -n "$(CHROMIUM)" || { echo "no Chromium found: install it, or name it: make pdf CHROMIUM=..."; exit 2; }
	$(BIN)/jupyter-book build $(STRICT) --builder singlehtml .
	$(BIN)/python tools/print_report.py $(BUILD)/singlehtml $(BUILD)/html
	@echo "The PDFs are $(BUILD)/html/synthtab.pdf, synthtab-appendices.pdf and synthtab-slides.pdf"

# axe-core comes inside a Python package, of which nothing else is used.
AXE := $(BUILD)/tools/axe_playwright_python/axe.min.js

$(AXE):
	$(BIN)/python -m pip install --quiet --no-deps --target $(BUILD)/tools axe-playwright-python==0.1.8

accessibility: book $(AXE) ## check the built pages with axe-core (needs Chromium)
	$(BIN)/python tools/accessibility.py $(BUILD)/html $(AXE)

# A fresh environment, so that the lock holds what requirements.in asks for and nothing else.
# Local version labels such as +cpu go: no index has them for everyone.
lock: ## renew requirements.txt from requirements.in
	rm -rf $(BUILD)/lock
	$(PYTHON) -m venv $(BUILD)/lock
	$(BUILD)/lock/bin/python -m pip install --quiet --requirement requirements.in
	echo '# Written by `make lock` from requirements.in, on Python 3.11. Do not edit by hand.' > requirements.new
	$(BUILD)/lock/bin/python -m pip freeze --all --exclude pip | sed -E 's/\+[a-z0-9.]+$$//' | LC_ALL=C sort -f >> requirements.new
	mv requirements.new requirements.txt
	rm -rf $(BUILD)/lock

clean: ## remove the built report and caches; .venv and runs/ stay
	rm -rf $(BUILD) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests book notebooks -name __pycache__ -type d -prune -exec rm -rf {} +
