//! `openapi.yaml` names the error codes and the fields that the code uses, and every body in it has a schema.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::{collections::BTreeSet, fs, path::Path};

use serde_yaml_ng::Value;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn description() -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string(root().join("openapi.yaml")).unwrap()).unwrap()
}

/// The source of the functions and of their common crate, without unit tests.
fn sources() -> Vec<String> {
    fn collect(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                found.push(text.split("\n#[cfg(test)]\nmod ").next().unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["shared/src/http", "functions/signup/src", "functions/login/src", "functions/list-users/src"] {
        collect(&root().join(folder), &mut found);
    }
    found
}

/// The string literals that follow `start` and, for `skip` of 1, one more argument.
fn literals<'s>(source: &'s str, start: &str, skip: usize) -> impl Iterator<Item = &'s str> {
    source.split(start).skip(1).filter_map(move |rest| {
        let argument = rest.splitn(skip + 2, ',').nth(skip)?.trim_start();
        argument.strip_prefix('"')?.split('"').next()
    })
}

fn names(values: &Value) -> BTreeSet<String> {
    values.as_sequence().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// The literals at all of these places in the source, of those that look like a code or the name of a field.
fn used(places: &[(&str, usize)]) -> BTreeSet<String> {
    let sources = sources();
    let found = sources
        .iter()
        .flat_map(|source| places.iter().flat_map(|(start, skip)| literals(source, start, *skip).collect::<Vec<_>>()));
    found
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_".contains(&byte)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_error_code_is_described() {
    let described = names(&description()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]);
    let places = [("plain(S::", 1), ("ErrorResponse::new(", 1), ("malformed(", 0), ("code: ", 0)];
    assert_eq!(used(&places), described);
}

#[test]
fn every_field_and_every_code_of_a_field_is_described() {
    let field = &description()["components"]["schemas"]["FieldError"]["properties"];
    // Conversions of domain errors give the code in a match arm, as a literal or a constant.
    let conversions = fs::read_to_string(root().join("shared/src/http/error/field.rs")).unwrap();
    let of_conversions = ["=> ", ": &str = "].into_iter().flat_map(|start| literals(&conversions, start, 0));
    let mut codes: BTreeSet<_> = of_conversions.map(str::to_owned).collect();
    codes.extend(used(&[("FieldError::new(", 1), ("Self::new(field, ", 0)]));
    assert_eq!(codes, names(&field["code"]["enum"]));
    let places = [("FieldError::new(", 0), (".on(", 0), ("Self::new(", 0), (".required(", 0), (".parse(", 0)];
    assert_eq!(used(&places), names(&field["field"]["enum"]));
}

/// Calls `visit` for each value, with its path.
fn visit_all(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, value);
    if let Some(mapping) = value.as_mapping() {
        for (key, value) in mapping {
            visit_all(value, &format!("{path}/{}", key.as_str().unwrap_or("?")), visit);
        }
    }
    for (index, value) in value.as_sequence().into_iter().flatten().enumerate() {
        visit_all(value, &format!("{path}/{index}"), visit);
    }
}

#[test]
fn no_value_is_cut_at_a_comma() {
    // In a mapping such as {detail: must be local, others or global}, the text after the comma is a key without value.
    visit_all(&description(), "", &mut |path, value| {
        assert!(!value.is_null() || path.ends_with("/value/next"), "{path} has no value");
    });
}

#[test]
fn every_body_and_every_list_has_a_type() {
    let mut bodies = 0;
    visit_all(&description(), "", &mut |path, value| {
        if let Some(content) = value.get("content") {
            for (media_type, body) in content.as_mapping().unwrap() {
                let schema = &body["schema"];
                let is_typed = ["$ref", "type", "allOf"].iter().any(|key| schema.get(key).is_some());
                assert!(is_typed, "{path}: {media_type:?}");
                bodies += 1;
            }
        }
        if value.get("type").and_then(Value::as_str) == Some("array") {
            assert!(value.get("items").is_some(), "{path}");
        }
    });
    assert!(bodies > 40, "{bodies}");
}
