//! docs/reference/configuration.md and template.yaml agree with the variables and defaults in `shared::config`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::collections::{BTreeMap, BTreeSet};

use shared::config::{DefaultValue, VARIABLES, Variable};

const REFERENCE: &str = include_str!("../../../docs/reference/configuration.md");
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// Variables that are not settings of `shared::config::Settings`: the log level has to be known before those are read.
const LOG_LEVEL: [&str; 2] = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"];

/// A row of the reference.
struct Row {
    default: String,
    /// The template parameter, if there is one.
    parameter: Option<String>,
}

fn code(cell: &str) -> Option<String> {
    Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned())
}

/// The rows of the tables whose first column is a variable.
fn reference() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for line in REFERENCE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if let [variable, default, _, parameter, _] = cells[..] {
            let row = Row { default: default.to_owned(), parameter: code(parameter) };
            assert!(rows.insert(code(variable).unwrap(), row).is_none(), "{variable} is documented twice");
        }
    }
    rows
}

/// How the reference writes the default of a variable.
fn documented(variable: &Variable) -> String {
    let text = |value: &str| if value.is_empty() { "`\"\"`".to_owned() } else { format!("`{value}`") };
    match variable.default {
        DefaultValue::Unset => "–".to_owned(),
        DefaultValue::Fixed(value) => text(value),
        DefaultValue::PerProfile { tutorial, strict } => format!("{} / {}", text(tutorial), text(strict)),
    }
}

/// The block of a parameter in template.yaml.
fn parameter(name: &str) -> String {
    let header = format!("\n  {name}:\n");
    let (_, block) = TEMPLATE.split_once(&header).unwrap_or_else(|| panic!("no parameter {name}"));
    block.lines().take_while(|line| line.starts_with("    ")).collect::<Vec<_>>().join("\n")
}

/// The value of `Default` in a parameter's block.
fn default_of(block: &str) -> &str {
    let line = block.lines().find_map(|line| line.trim().strip_prefix("Default: "));
    line.unwrap_or_else(|| panic!("no default:\n{block}")).trim_matches('"')
}

#[test]
fn the_reference_documents_exactly_the_variables_that_are_read() {
    let documented: BTreeSet<String> = reference().into_keys().collect();
    let read: BTreeSet<String> =
        VARIABLES.iter().map(|variable| variable.name).chain(LOG_LEVEL).map(str::to_owned).collect();
    assert_eq!(documented, read);
}

#[test]
fn the_reference_has_the_defaults_of_the_code() {
    let reference = reference();
    for variable in &VARIABLES {
        assert_eq!(reference[variable.name].default, documented(variable), "{}", variable.name);
    }
}

#[test]
fn each_template_parameter_sets_the_variable_that_the_reference_names() {
    for (variable, row) in reference() {
        let sets = |parameter: &str| {
            let assignment = format!(" {variable}: ");
            TEMPLATE.lines().any(|line| {
                line.contains(&assignment)
                    && (line.ends_with(&format!("!Ref {parameter}")) || line.contains(&format!("!Ref {parameter}]")))
            })
        };
        let lists_users = variable == "LIST_USERS_GROUP";
        if let Some(parameter) = row.parameter {
            // The group's parameter has a value for "every user", and is assigned over several lines.
            assert!(lists_users || sets(&parameter), "template.yaml does not set {variable} from {parameter}");
        }
    }
}

#[test]
fn the_template_repeats_no_default_that_the_code_does_not_have() {
    let reference = reference();
    for variable in &VARIABLES {
        let Some(name) = &reference[variable.name].parameter else { continue };
        let block = parameter(name);
        let default = default_of(&block);
        let is_default = matches!(variable.default, DefaultValue::Fixed(value) if value == default);
        assert!(default.is_empty() || is_default, "{name}: {default}");
        // Descriptions say what an empty parameter means.
        let description = block.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((_, meaning)) = description.split_once("Empty means ") {
            let stated = match meaning.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next().unwrap(),
                None => meaning.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap(),
            };
            match variable.default {
                DefaultValue::Fixed(value) => assert_eq!(stated, value, "{name}: {meaning:.40}"),
                // In words.
                DefaultValue::Unset | DefaultValue::PerProfile { .. } => {}
            }
        }
    }
}
