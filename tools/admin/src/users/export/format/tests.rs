use serde_json::{Value, json};
use shared::domain::{
    password::PasswordHash,
    time::UnixSeconds,
    user::{PublicId, UserClaims},
};

use super::*;

const ID: &str = "4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55";
const ARGON2ID: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

fn ada(hash: Option<&str>) -> ExportedUser {
    ExportedUser {
        public_id: PublicId::parse(ID).unwrap(),
        name: "Ada, Countess \"of\" Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        groups: vec!["admin".to_owned(), "staff".to_owned()],
        claims: UserClaims::parse(r#"{"department":"research"}"#).unwrap(),
        created_at: Some(UnixSeconds::new(1_672_628_645)),
        email_verified: Some(true),
        disabled: false,
        password_hash: hash.map(|hash| PasswordHash::from_stored(hash.to_owned())),
    }
}

/// Cognito's file has no quotation marks.
fn unquoted(user: ExportedUser) -> ExportedUser {
    ExportedUser { name: user.name.replace('"', ""), ..user }
}

/// A user without anything that is optional.
fn plain() -> ExportedUser {
    ExportedUser {
        groups: Vec::new(),
        claims: UserClaims::default(),
        created_at: None,
        email_verified: None,
        name: "=HYPERLINK(\"https://example.com\")".to_owned(),
        ..ada(None)
    }
}

/// The file with these users, and what became of each.
fn export(format: ExportFormat, with_hashes: bool, users: &[ExportedUser]) -> (String, Vec<Written>) {
    let (mut writer, mut out) = (Writer::new(format, with_hashes), Vec::new());
    writer.start(&mut out);
    let written = users.iter().map(|user| writer.user(user, &mut out)).collect();
    writer.end(&mut out);
    (String::from_utf8(out).unwrap(), written)
}

#[test]
fn a_line_of_jsonl_has_everything_that_the_import_keeps() {
    let (text, written) = export(ExportFormat::Jsonl, true, &[ada(Some(ARGON2ID)), plain()]);
    assert_eq!(written, [Written::Complete, Written::Complete]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = json!({
        "public_id": ID, "name": "Ada, Countess \"of\" Lovelace", "email": "ada@example.com",
        "password_hash": ARGON2ID, "created_at": 1_672_628_645, "groups": ["admin", "staff"],
        "claims": {"department": "research"}, "email_verified": true, "disabled": false,
    });
    assert_eq!(lines[0], expected);
    let name = "=HYPERLINK(\"https://example.com\")";
    let expected = json!({"public_id": ID, "name": name, "email": "ada@example.com", "disabled": false});
    assert_eq!(lines[1], expected);
}

#[test]
fn csv_is_quoted_and_contains_no_formula() {
    let (text, _) = export(ExportFormat::Csv, false, &[ada(None), plain()]);
    let expected = [
        "public_id,name,email,created_at,groups,claims,email_verified,disabled",
        &format!(
            "{ID},\"Ada, Countess \"\"of\"\" Lovelace\",ada@example.com,2023-01-02T03:04:05Z,\
             \"[\"\"admin\"\",\"\"staff\"\"]\",\"{{\"\"department\"\":\"\"research\"\"}}\",true,false"
        ),
        &format!("{ID},\"'=HYPERLINK(\"\"https://example.com\"\")\",ada@example.com,,,,,false"),
        "",
    ];
    assert_eq!(text, expected.join("\r\n"));
    let (text, _) = export(ExportFormat::Csv, true, &[ada(Some(ARGON2ID))]);
    assert!(
        text.starts_with("public_id,name,email,created_at,groups,claims,email_verified,disabled,password_hash\r\n")
    );
    assert!(text.ends_with(&format!(",true,false,\"{ARGON2ID}\"\r\n")), "{text}");
}

/// The values of a row by column, as Cognito splits it.
fn cognito_row(text: &str, row: usize) -> Value {
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = lines.nth(row).unwrap().replace("\\,", "\u{0}");
    let values: Vec<String> = row.split(',').map(|value| value.replace('\u{0}', ",")).collect();
    assert_eq!(values.len(), columns.len(), "{row}");
    let values = columns.into_iter().zip(values).filter(|(_, value)| !value.is_empty());
    values.map(|(column, value)| (column.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn a_row_for_cognito_escapes_commas_and_has_every_required_value() {
    let (text, written) = export(ExportFormat::Cognito, true, &[unquoted(ada(Some(ARGON2ID)))]);
    assert_eq!(written, [Written::Complete]);
    assert!(text.contains(",Ada\\, Countess of Lovelace,"), "{text}");
    assert!(text.ends_with(&format!(",{}\n", ARGON2ID.replace(',', "\\,"))), "{text}");
    let expected = json!({
        "cognito:username": "ada@example.com", "name": "Ada, Countess of Lovelace", "email": "ada@example.com",
        "email_verified": "true", "phone_number_verified": "false", "preferred_username": ID,
        "cognito:mfa_enabled": "false", "cognito:password_hash": ARGON2ID,
    });
    assert_eq!(cognito_row(&text, 0), expected);

    let (text, _) = export(ExportFormat::Cognito, false, &[plain()]);
    assert!(!text.contains("hash"), "{text}");
    assert_eq!(cognito_row(&text, 0)["email_verified"], "false");
}

#[test]
fn users_that_cognito_would_reject_or_enable_are_left_out() {
    let hash =
        |parameters: &str| unquoted(ada(Some(&format!("$argon2id$v=19${parameters}$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"))));
    let accepted = [hash("m=19456,t=2,p=1"), hash("m=8,t=1,p=1"), hash("m=7168,t=2,p=1")];
    let (_, written) = export(ExportFormat::Cognito, true, &accepted);
    assert_eq!(written, [Written::Complete, Written::Complete, Written::Complete]);

    let rejected = [
        hash("m=19457,t=2,p=1"),
        hash("m=19456,t=3,p=1"),
        hash("m=19456,t=2,p=2"),
        hash("m=65536,t=3,p=4"),
        hash("t=2,p=1"),
        ada(Some("$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo")),
        ada(Some("$argon2id$v=16$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo")),
        ada(Some("$argon2id$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo")),
        ada(Some("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW")),
        ada(Some("$scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo")),
        ada(Some("secret")),
        ExportedUser { disabled: true, ..ada(Some(ARGON2ID)) },
    ];
    let (text, written) = export(ExportFormat::Cognito, true, &rejected);
    assert!(written.iter().all(|written| matches!(written, Written::LeftOut(_))), "{written:?}");
    assert_eq!(text.lines().count(), 1, "{text}");
    // The reason of a refusal does not quote the hash.
    assert!(!format!("{written:?}").contains("c2FsdHNhbHQ"));

    let (_, written) = export(ExportFormat::Cognito, false, &[ExportedUser { disabled: true, ..ada(None) }]);
    assert!(matches!(written[0], Written::LeftOut(_)));
}

#[test]
fn an_identity_for_kratos_has_traits_state_and_the_rest_as_metadata() {
    let disabled = ExportedUser { disabled: true, email_verified: Some(false), ..ada(None) };
    let (text, written) = export(ExportFormat::Kratos, true, &[ada(Some(ARGON2ID)), disabled, plain()]);
    assert_eq!(written, [Written::Complete, Written::Complete, Written::Complete]);
    let identities: Vec<Value> = serde_json::from_str(&text).unwrap();
    let expected = json!({
        "schema_id": "default",
        "traits": {"email": "ada@example.com", "name": "Ada, Countess \"of\" Lovelace"},
        "state": "active",
        "credentials": {"password": {"config": {"hashed_password": ARGON2ID}}},
        "verifiable_addresses":
            [{"value": "ada@example.com", "via": "email", "verified": true, "status": "completed"}],
        "metadata_admin": {
            "public_id": ID, "groups": ["admin", "staff"], "claims": {"department": "research"},
            "created_at": "2023-01-02T03:04:05Z",
        },
    });
    assert_eq!(identities[0], expected);
    assert_eq!((&identities[1]["state"], identities[1].get("verifiable_addresses")), (&json!("inactive"), None));
    assert_eq!(
        identities[2]["metadata_admin"],
        json!({"public_id": ID, "groups": [], "claims": {}, "created_at": null})
    );
    assert!(identities[2].get("credentials").is_none());
}

#[test]
fn no_users_make_a_valid_file() {
    for (format, expected) in [(ExportFormat::Jsonl, ""), (ExportFormat::Kratos, "[\n]\n")] {
        assert_eq!(export(format, true, &[]).0, expected);
    }
    for format in [ExportFormat::Csv, ExportFormat::Cognito] {
        assert_eq!(export(format, true, &[]).0.lines().count(), 1);
    }
}

#[test]
fn kratos_gets_hashes_in_its_own_form() {
    // `ln` of scrypt is N, its parts have padding, and PBKDF2 needs a length. The ciphertext of 16 zero bytes is
    // Firebase's key stream.
    let (salt, hash) = ("c2FsdHNhbHQ", "aGFzaGhhc2hoYXNoaGFzaA");
    for (stored, expected) in [
        (ARGON2ID.to_owned(), ARGON2ID.to_owned()),
        (format!("$argon2i$v=19$m=8,t=1,p=1${salt}${hash}"), format!("$argon2i$v=19$m=8,t=1,p=1${salt}${hash}")),
        (format!("$scrypt$ln=15,r=8,p=1${salt}${hash}"), format!("$scrypt$ln=32768,r=8,p=1${salt}=${hash}==")),
        (format!("$pbkdf2-sha256$i=600000${salt}${hash}"), format!("$pbkdf2-sha256$i=600000,l=16${salt}${hash}")),
        (format!("$pbkdf2-sha1$i=1,l=16${salt}${hash}"), format!("$pbkdf2-sha1$i=1,l=16${salt}${hash}")),
        (
            format!("$firebase-scrypt$ln=14,r=8,p=1${salt}${hash}"),
            format!("$firescrypt$ln=14,r=8,p=1${salt}=${hash}==$$AAAAAAAAAAAAAAAAAAAAAA=="),
        ),
    ] {
        let (text, written) = export(ExportFormat::Kratos, true, &[ada(Some(&stored))]);
        assert_eq!(written, [Written::Complete], "{stored}");
        let identities: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(identities[0]["credentials"]["password"]["config"]["hashed_password"], expected);
    }
    for bcrypt in ["$2a$", "$2b$", "$2y$"] {
        let hash = format!("{bcrypt}12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW");
        assert!(export(ExportFormat::Kratos, true, &[ada(Some(&hash))]).0.contains(&hash));
    }
}

#[test]
fn a_hash_that_kratos_would_reject_is_left_out_and_reported() {
    let parts = "c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
    for stored in [
        format!("$argon2d$v=19$m=8,t=1,p=1${parts}"),
        format!("$argon2id$v=16$m=8,t=1,p=1${parts}"),
        format!("$argon2id$v=19$m=19456,t=11,p=1${parts}"),
        format!("$argon2id$v=19$m=1048577,t=1,p=1${parts}"),
        format!("$scrypt$ln=18,r=8,p=1${parts}"),
        format!("$scrypt$ln=14,r=9,p=1${parts}"),
        format!("$scrypt$ln=40,r=1,p=1${parts}"),
        format!("$scrypt$r=8,p=1${parts}"),
        format!("$firebase-scrypt$ln=18,r=8,p=1${parts}"),
        format!("$pbkdf2-sha256$x=1${parts}"),
        "plain text".to_owned(),
    ] {
        let (text, written) = export(ExportFormat::Kratos, true, &[ada(Some(&stored))]);
        assert!(matches!(written[0], Written::WithoutHash(_)), "{stored}");
        let identities: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&identities[0]["traits"]["email"], identities[0].get("credentials")),
            (&json!("ada@example.com"), None)
        );
    }
}

#[test]
fn notes_name_the_limits_of_cognito() {
    let notes = |format, users: &[ExportedUser]| {
        let mut writer = Writer::new(format, false);
        for user in users {
            writer.user(user, &mut Vec::new());
        }
        writer.notes()
    };
    assert_eq!(notes(ExportFormat::Cognito, &[ada(None)]), Vec::<String>::new());
    assert!(notes(ExportFormat::Cognito, &[ada(None), plain()])[0].starts_with("the addresses of 1 users"));
    assert_eq!(notes(ExportFormat::Jsonl, &[plain()]), Vec::<String>::new());
    assert_eq!(cognito::notes(500_000, 0).len(), 0);
    assert_eq!(cognito::notes(500_001, 0).len(), 1);
}
