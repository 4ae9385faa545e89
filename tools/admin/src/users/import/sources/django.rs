//! Django: `manage.py dumpdata auth.group auth.user`, as a JSON array or as JSON lines.

use std::{collections::HashMap, fs::File, io::BufReader, ops::ControlFlow, path::Path};

use serde_json::Value;

use super::{
    super::{
        reject::{Reason, Rejection},
        row::{Row, SourceUser},
        times,
    },
    Sink, Unreadable, json,
    layout::Shape,
    members::{self, Object},
};

pub(super) fn read(file: BufReader<File>, path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let mut groups = HashMap::new();
    let shape = Shape { member: None, lines: true };
    json::read(file, path, shape, &mut |number, object| {
        let object = match object {
            Ok(object) => object,
            Err(rejection) => return sink(Row { number, email: String::new(), user: Err(rejection) }),
        };
        let fields = members::object(&object, "fields").unwrap_or_default();
        if object.get("model").is_some_and(|model| model == "auth.group") {
            let id = members::identifier(&object, "pk").unwrap_or_default();
            groups.insert(id, members::text(&fields, "name").unwrap_or_default());
            return ControlFlow::Continue(());
        }
        // Custom user models have other names, and the fields of AbstractBaseUser.
        if !fields.contains_key("password") || !fields.contains_key("last_login") {
            return ControlFlow::Continue(());
        }
        let email = members::text(&fields, "email").unwrap_or_default();
        sink(Row { number, email, user: user(&object, &fields, &groups) })
    })
}

fn user(object: &Object, fields: &Object, groups: &HashMap<String, String>) -> Result<SourceUser, Rejection> {
    let names = vec![
        members::full_name(&members::text(fields, "first_name")?, &members::text(fields, "last_name")?),
        members::text(fields, "name")?,
        members::text(fields, "username")?,
    ];
    let model = members::text(object, "model")?;
    let key = members::identifier(object, "pk")?;
    Ok(SourceUser {
        // Keys of two models may be equal. A UUID is kept.
        id: if key.bytes().all(|b| b.is_ascii_digit()) && !key.is_empty() { format!("{model} {key}") } else { key },
        email: members::text(fields, "email")?,
        names,
        password_hash: members::text(fields, "password")?,
        groups: members::array(fields, "groups")?.iter().map(|group| name(group, groups)).collect::<Result<_, _>>()?,
        claims: Object::new(),
        created_at: times::parse("date_joined", &members::text(fields, "date_joined")?)?,
        email_verified: None,
        disabled: members::boolean(fields, "is_active")? == Some(false),
    })
}

/// A group by its key, or by its natural key, which is its name.
fn name(group: &Value, groups: &HashMap<String, String>) -> Result<String, Rejection> {
    let unknown = || {
        let detail = "the names of the groups are missing: dump auth.group before the users, or use --natural-foreign";
        Rejection::new(Reason::InvalidGroups, detail)
    };
    match group {
        Value::Array(natural) => natural.first().and_then(Value::as_str).map(str::to_owned).ok_or_else(unknown),
        key => groups.get(&key.to_string()).cloned().ok_or_else(unknown),
    }
}
