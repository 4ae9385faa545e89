//! The structure of the code: which files import which.
//!
//! docs/architecture/overview.md has the rules. A path is followed through re-exports to the file that defines its
//! item.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

mod imports;

use std::collections::{BTreeMap, BTreeSet};

use imports::{Import, Workspace};

/// The layers of the common crate. Each may import only the ones before it.
const LAYERS: [&str; 4] = ["domain", "config", "aws", "http"];

/// Crates and modules that the domain must not use: HTTP, AWS, the environment, clocks, and exporters of metrics.
const FORBIDDEN_IN_DOMAIN: [&str; 14] = [
    "aws_config",
    "aws_sdk_dynamodb",
    "aws_sdk_secretsmanager",
    "aws_types",
    "axum",
    "lambda_http",
    "lambda_runtime",
    "metrics",
    "metrics_cloudwatch_embedded",
    "std::env",
    "std::time::Instant",
    "std::time::SystemTime",
    "tokio::time",
    "tower_http",
];

fn layer(file: &str) -> Option<usize> {
    let name = file.strip_prefix("shared/src/")?.split('/').next()?;
    LAYERS.iter().position(|layer| *layer == name)
}

#[test]
fn each_layer_imports_only_the_layers_before_it() {
    let workspace = Workspace::read();
    let is_upward = |import: &&Import| layer(&import.from) < layer(&import.to) && layer(&import.from).is_some();
    let upward: Vec<String> = workspace.imports().iter().filter(is_upward).map(ToString::to_string).collect();
    assert!(upward.is_empty(), "upward imports:\n{}", upward.join("\n"));
    for name in LAYERS {
        assert!(workspace.files().any(|file| layer(file) == LAYERS.iter().position(|layer| *layer == name)), "{name}");
    }
}

#[test]
fn no_files_import_each_other_in_a_cycle() {
    let workspace = Workspace::read();
    let mut targets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in workspace.imports() {
        targets.entry(&import.from).or_default().insert(&import.to);
    }
    assert!(targets.len() > 100, "the imports of only {} files were found", targets.len());
    let reachable = |from: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(file) = next.pop() {
            for imported in targets.get(file.as_str()).into_iter().flatten() {
                if seen.insert((*imported).to_owned()) {
                    next.push((*imported).to_owned());
                }
            }
        }
        seen
    };
    let is_cyclic = |import: &&Import| reachable(&import.to).contains(&import.from);
    let cycles: Vec<String> = workspace.imports().iter().filter(is_cyclic).map(ToString::to_string).collect();
    assert!(cycles.is_empty(), "these imports form a cycle:\n{}", cycles.join("\n"));
}

#[test]
fn the_domain_knows_neither_http_nor_aws_nor_the_environment_nor_a_clock() {
    let workspace = Workspace::read();
    let mut found = Vec::new();
    for (file, path) in workspace.external_paths() {
        let is_forbidden = |name: &str| path == *name || path.starts_with(&format!("{name}::"));
        if layer(file) == Some(0) && FORBIDDEN_IN_DOMAIN.iter().any(|name| is_forbidden(name)) {
            found.push(format!("{file}: {path}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
