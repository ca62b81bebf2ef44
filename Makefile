# Everything a newcomer needs: `make demo` and `make test`. Each sets up what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the camera was written against. Its tests read it; to import it takes libcamera, which is not on PyPI.
PICAMERA2 := 0.3.38

.PHONY: demo test rig soak fresh check format clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	@$(BIN)/python -m focusd.demo

test: $(VENV)/.installed-dev
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4

rig: $(VENV)/.installed-dev
	@tests/rig/prepare
	@$(BIN)/pytest -rs -m rig tests/rig

# Hours of the same, for a machine that has nothing else to do: FOCUSRAIL_CUTS power cuts, FOCUSRAIL_KILLS kills.
soak: export FOCUSRAIL_CUTS ?= 300
soak: export FOCUSRAIL_KILLS ?= 300
soak: $(VENV)/.installed-dev
	@tests/rig/prepare
	@$(BIN)/pytest -rs -s -m "not pi" tests/rig/test_rig_cuts.py tests/e2e/test_kills.py

fresh: $(VENV)/.installed-dev
	@$(BIN)/pytest -rs -m fresh tests/rig

check: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pytest tests/unit/test_floors.py

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) demo build *.egg-info

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "focusrail needs Python 3.11 or newer as '$(PYTHON)': install it (sudo apt install python3), or name one: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing: sudo apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: $(VENV)/bin/pip pyproject.toml
	@echo "Installing focusrail into $(VENV) (once; a minute or two) ..."
	@$(call install,-e .)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the test tools into $(VENV) ..."
	@$(call install,-e '.[dev]')
	@$(call install,--no-deps --upgrade --target $(VENV)/read 'picamera2==$(PICAMERA2)')
	@touch $@

# pip's own words go to a file, so that what is missing can be said in one line.
define install
$(BIN)/pip install --quiet --disable-pip-version-check --retries 2 $(1) >$(VENV)/pip.log 2>&1 || \
  { echo "Could not install the dependencies: check the network, then run make again (details: $(VENV)/pip.log)" >&2; exit 1; }
endef
