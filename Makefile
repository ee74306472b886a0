# Thin aliases for the habits of this field; the task runner is nox (`.venv/bin/nox -l`).
PYTHON ?= python3
NOX := .venv/bin/nox
NOX_RUN := $(NOX) --no-venv --non-interactive -s

.PHONY: install generate check test run format clean

install: .venv/.installed ## Make .venv with everything in it; the command is then .venv/bin/katib

.venv/.installed: constraints.txt pyproject.toml $(wildcard */pyproject.toml pkg/*/pyproject.toml sdk/python/pyproject.toml sdk/python/*/pyproject.toml examples/*/trial-images/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Katib needs Python 3.11, 3.12 or 3.13; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt nox uv
	$(NOX_RUN) install
	@touch $@

generate check test run format: install ## Call the nox session of that name
	$(NOX_RUN) $@ $(if $(ARGS),-- $(ARGS))

clean: ## Remove what was installed here
	rm -rf .venv .nox
