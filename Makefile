# What a person types. Each target sets up what it needs first (scripts/setup.sh); nothing else has to be installed but Rust and Python 3.
SHELL := bash
VENV_PYTHON := .cairn/venv/bin/python
# Further arguments of `cairn demo`: make run ARGS="--bind 0.0.0.0:8080"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test bench soak

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

run: ## make the demo catalogue in .cairn/demo and serve it on http://127.0.0.1:8080
	@scripts/setup.sh system
	cargo run --release -- demo .cairn/demo $(ARGS)

test: ## format, lints, every test
	@scripts/setup.sh system rust python s3 azurite nginx
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	@scripts/test.sh

bench: ## criterion's benches, then the same questions put to Python libraries
	@scripts/setup.sh system bench python peers s3 azurite nginx
	cargo build --release --bins --examples
	cargo bench
	@for script in benches/*_against_*.py benches/build_rate.py benches/fairness.py benches/transactions.py; do echo "== $$script"; $(VENV_PYTHON) "$$script" || exit 1; done
	@echo "== benches/patch_ratios.py"; .cairn/bench/bin/python benches/patch_ratios.py

soak: ## what takes too long for every test run; figures go to docs/soak.md
	@scripts/setup.sh system rust python s3 azurite nginx
	@scripts/soak.sh
