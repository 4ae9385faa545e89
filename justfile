# Shortcuts for the commands in CONTRIBUTING.md. `just` lists them.

_default:
    @just --list --unsorted

# The service on http://127.0.0.1:3000, with an embedded DynamoDB
run *OPTIONS:
    cargo run -p local -- {{ OPTIONS }}

# The fast checks: text, formatting and lints
check:
    .ci/run words typos links length shell format clippy

# All tests, or those whose names contain FILTER
test *FILTER:
    @if cargo nextest --version >/dev/null 2>&1; then \
        cargo nextest run --workspace {{ FILTER }} && cargo test --workspace --doc --quiet; \
    else \
        cargo test --workspace {{ FILTER }}; \
    fi

# Release builds of the functions beside a minimal function
bench *OPTIONS:
    cargo build --release -p signup -p login -p list-users -p baseline
    cargo run --release -p bench -- {{ OPTIONS }}

# The steps of the CI: all of them, or those with these names
ci *STEPS:
    .ci/run {{ STEPS }}

# Format the Rust code
format:
    cargo fmt --all
