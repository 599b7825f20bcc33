# make demo: install, generate a trajectory with the shipped weights, write its report.
# make test: install, run the tests. make test-all: the slow ones as well. make lint: ruff, mypy, direction of imports.
# make docs: the site of the documentation, in site/.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin
PIP = $(RUN)/python -m pip --disable-pip-version-check --quiet
# PyTorch goes first and alone: with it in place nothing else asks for another build of it.
TORCH ?= torch==2.13.0
# Processes that share the tests, file by file; `make test WORKERS=1` runs them one after the other in one.
WORKERS ?= 2
PYTEST = $(RUN)/python -m pytest $(if $(filter-out 0 1,$(WORKERS)),-n $(WORKERS) --dist loadfile)
EGI_DEMO_SMILES ?= CC[C@H](O)C\#CCOC
CODE = src tests benchmarks examples docs/hooks.py wheels setup.py

.PHONY: demo test test-all lint docs chromium gromacs clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install '$(TORCH)'
	$(PIP) install --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) install --editable '.[dev,md]'
	$(PIP) install --no-deps 'streamlit-jsme<0.2' # scripts of the drawing pad of egi serve, without streamlit
	touch $@

demo: $(VENV)/installed
	$(RUN)/egi generate '$(EGI_DEMO_SMILES)' --frames 500 --samples 2 --seed 1 --out demo
	@echo 'Open $(CURDIR)/demo/report.html in a browser.'

test: $(VENV)/installed-dev chromium gromacs
	$(PYTEST) -m 'not slow'

test-all: $(VENV)/installed-dev chromium gromacs
	$(PYTEST)

docs: $(VENV)/installed
	$(PIP) install --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(RUN)/python -m mkdocs build --strict --quiet
	@echo 'Open $(CURDIR)/site/index.html in a browser.'

lint: $(VENV)/installed-dev
	$(RUN)/ruff check $(CODE)
	$(RUN)/ruff format --check $(CODE)
	$(RUN)/mypy
	$(RUN)/lint-imports

# The report is tested in a real browser; where it cannot be installed, that test says that it is skipped, and why.
chromium:
	@command -v chromedriver >/dev/null && command -v chromium >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver >/dev/null; } || \
	echo 'chromium and chromedriver are missing and cannot be installed here: the browser test will be skipped'

# The engine gromacs is tested with Debian's package; where it cannot be installed, these tests say that they are skipped.
gromacs:
	@command -v gmx >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gromacs >/dev/null; } || \
	echo 'gmx is missing and cannot be installed here: the tests of the engine gromacs will be skipped'

clean:
	rm -rf $(VENV) demo site
