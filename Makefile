# Everything a newcomer needs: `make demo` and `make test`. Each sets up what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the camera was written against. Its tests read it; to import it takes libcamera, which is not on PyPI.
PICAMERA2 := 0.3.38

# The oldest that a Pi may have: bookworm's numpy, and the last OpenCV that accepts it.
OLDEST := 'numpy==1.24.*; python_version < "3.12"' 'numpy==1.26.*; python_version == "3.12"' \
  'numpy==2.1.*; python_version > "3.12"' opencv-python-headless==4.11.0.86

.PHONY: demo test rig soak fresh oldest check format clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	@$(BIN)/python -m focusd.demo

# As many as there are cores, four at the most: more, and a simulated rig's steps come too late.
PROCESSES ?= $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores < 4 ? cores : 4)))

# Tests run side by side; linear algebra that spreads over all cores would take them from each other. Those of
# whole rigs fall to one process of two (tests/conftest.py): several rigs at once on two cores step too late.
test oldest: export OPENBLAS_NUM_THREADS = 1
# Daemons and commands by the hundred start in them: compiled once, each takes .7 s of processor less.
test: export PYTHONDONTWRITEBYTECODE =

test: $(VENV)/.installed-dev
	@$(BIN)/pytest --numprocesses $(PROCESSES)

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

oldest: $(VENV)-oldest/.installed
	@$(VENV)-oldest/bin/pytest --numprocesses auto --maxprocesses 4 $(wildcard $(foreach room,merge camera calibrate film,tests/unit/test_$(room)_*.py))

check: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pytest tests/unit/test_floors.py

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VENV)-oldest demo build *.egg-info

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

# What the pinned versions of other tools demand does not count here: libraries first, then the rest as it fits.
$(VENV)-oldest/.installed: $(VENV)/bin/pip pyproject.toml Makefile
	@echo "Installing the oldest numpy and OpenCV that a Pi may have into $(VENV)-oldest ..."
	@$(PYTHON) -m venv $(VENV)-oldest
	@$(call install_into,$(VENV)-oldest,$(OLDEST) -e . pytest pytest-timeout pytest-xdist hypothesis pillow rawpy pyserial distributed 'av==14.0.*')
	@touch $@

# pip's own words go to a file, so that what is missing can be said in one line.
install = $(call install_into,$(VENV),$(1))

define install_into
$(1)/bin/pip install --quiet --disable-pip-version-check --retries 2 $(2) >$(1)/pip.log 2>&1 || \
  { echo "Could not install the dependencies: check the network, then run make again (details: $(1)/pip.log)" >&2; exit 1; }
endef
