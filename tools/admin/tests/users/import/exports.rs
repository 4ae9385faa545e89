//! Exports of Supabase, Firebase, Auth0, Keycloak and Kratos.

use std::fs;

use serde_json::{Value, json};

use super::reasons;
use crate::harness::Sandbox;

const ID: &str = "0b6b2a52-52a2-4f0c-9d7e-3a1f5a0c7e11";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW";

/// Asserts the members of the account of an address.
async fn assert_account(sandbox: &Sandbox, email: &str, expected: Value) {
    let accounts = sandbox.accounts().await;
    let account = accounts.get(email).unwrap_or_else(|| panic!("{email} is not among {:?}", accounts.keys()));
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(account.get(name).unwrap_or(&Value::Null), value, "{name} of {email}");
    }
}

#[tokio::test]
async fn supabase_csv_keeps_identifiers_metadata_and_bans() {
    let sandbox = Sandbox::new().await;
    let csv = format!(
        "\u{feff}\"id\",instance_id,email,encrypted_password,email_confirmed_at,created_at,banned_until,\
         raw_app_meta_data,raw_user_meta_data,deleted_at\r\n\
         {ID},0,Ada@example.com,{BCRYPT},2023-01-02 03:04:05.6+00,2023-01-02 03:04:05.678901+00,,\"{{\"\"provider\"\": \
         \"\"email\"\", \"\"groups\"\": [\"\"staff\"\"], \"\"plan\"\": \"\"pro\"\"}}\",\"{{\"\"full_name\"\": \
         \"\"Ada, Lovelace\"\"}}\",\r\n\
         1c7c3b63-63b3-401d-8e8f-4b206b1d8f22,0,grace@example.com,{BCRYPT},null,2023-01-02 03:04:05+00,2999-01-01 \
         00:00:00+00,{{}},{{}},null\r\n\
         2d8d4c74-74c4-412e-9f90-5c317c2e9033,0,old@example.com,{BCRYPT},,2023-01-02 03:04:05+00,,{{}},{{}},2024-01-01 \
         00:00:00+00\r\n\
         3e9e5d85,0,few@example.com\r\n\
         4faf6e96-96e6-4340-b1b2-7e539e40b255,0,,,,2023-01-02 03:04:05+00,,{{}},{{}},\r\n\
         5ab07fa7-a7f7-4451-82c3-8f64af51c366,0,oauth@example.com,,,2023-01-02 03:04:05+00,,{{}},{{}},\r\n"
    );
    let outcome = sandbox.import("supabase", csv).await;
    outcome.assert_exit(1, &["line 5: it has 3 fields instead of 10"]);
    let expected = json!({ "deleted": 1, "malformed-row": 1, "no-email": 1, "no-password": 1 });
    assert_eq!(reasons(&outcome), expected, "{outcome:?}");
    assert_account(
        &sandbox,
        "ada@example.com",
        json!({
            "public_id": ID, "name": "Ada, Lovelace", "password_hash": BCRYPT, "email_verified": true,
            "created_at": 1_672_628_645, "groups": ["staff"], "claims": r#"{"plan":"pro"}"#, "disabled": null,
        }),
    )
    .await;
    let grace = json!({ "email_verified": false, "disabled": true, "claims": null, "name": "grace" });
    assert_account(&sandbox, "grace@example.com", grace).await;
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_named() {
    let sandbox = Sandbox::new().await;
    let csv = "id,email,encrypted_password,created_at,banned_until\n\
               1,a@example.com,x,yesterday,\n2,b@example.com,x,,tomorrow\n";
    let outcome = sandbox.import("supabase", csv).await;
    outcome.assert_exit(1, &["line 2: created_at is not a time", "line 3: banned_until is not a time"]);
    assert_eq!(reasons(&outcome), json!({ "invalid-time": 2 }));
    let user = |member: &str, time: Value| json!({ "email": "a@example.com", "passwordHash": BCRYPT, member: time });
    for (format, content, member) in [
        ("auth0", user("created_at", json!("1/2/2023")), "created_at"),
        ("auth0", user("created_at", json!({ "$date": -1 })), "created_at"),
        ("kratos", user("created_at", json!("2023")), "created_at"),
        ("keycloak", json!({ "users": [user("createdTimestamp", json!("2023"))] }), "createdTimestamp"),
    ] {
        let outcome = sandbox.import(format, content.to_string()).await;
        outcome.assert_exit(1, &[&format!("entry 1: {member} is not a time in the format of the source")]);
    }
}

#[tokio::test]
async fn firebase_users_are_imported_with_the_parameters_of_the_project() {
    let sandbox = Sandbox::new().await;
    let config = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVM\
                  XAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  \
                  mem_cost: 14,\n}\n";
    fs::write(sandbox.path("config"), config).unwrap();
    let hash = "lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==";
    let users = json!({ "users": [
        {
            "localId": "u1", "email": "ada@example.com", "emailVerified": true, "passwordHash": hash,
            "salt": "42xEC-ixf3L2lw==", "displayName": "Ada", "createdAt": "1672628645678", "lastSignedInAt": "1",
            "customAttributes": "{\"plan\":\"pro\"}", "providerUserInfo": [], "disabled": true,
        },
        { "localId": "u2", "email": "oauth@example.com", "providerUserInfo": [{ "providerId": "google.com" }] },
        { "localId": "u3", "email": "short@example.com", "passwordHash": "lSrfV15cpx95", "salt": "42xEC-ixf3L2lw==" },
        { "localId": "u4", "phoneNumber": "+15550100" },
        { "localId": "u5", "email": "bad@example.com", "passwordHash": hash, "salt": "AAAA",
            "customAttributes": "[]" },
        { "localId": "u6", "email": "r@example.com", "passwordHash": hash, "salt": "AAAA", 
            "customAttributes": "{\"iss\":1}" },
    ] });
    let options = ["--firebase-hash-config", "config"];
    let outcome = sandbox.import_with("firebase", users.to_string(), &options).await;
    let expected = json!({
        "no-password": 1, "malformed-hash": 1, "no-email": 1, "malformed-row": 1, "invalid-claims": 1,
    });
    outcome.assert_exit(1, &["entry 6: claim iss is reserved; --no-claims imports users without claims"]);
    assert_eq!(reasons(&outcome), expected, "{outcome:?}");
    let ada = json!({
        "name": "Ada", "email_verified": true, "disabled": true, "created_at": 1_672_628_645,
        "claims": r#"{"plan":"pro"}"#,
    });
    assert_account(&sandbox, "ada@example.com", ada).await;
    let stored = sandbox.accounts().await["ada@example.com"]["password_hash"].as_str().unwrap().to_owned();
    assert!(stored.starts_with("$firebase-scrypt$ln=14,r=8,p=1$42xEC+ixf3L2lwc$"), "{stored}");
    let options = ["--firebase-hash-config", "config", "--no-claims"];
    let again = sandbox.import_with("firebase", users.to_string(), &options).await;
    assert_eq!((&again.json()["created"], &again.json()["unchanged"]), (&json!(1), &json!(1)));
    sandbox.import("firebase", users.to_string()).await.assert_exit(2, &["--firebase-hash-config"]);
    fs::write(sandbox.path("config"), config.replace("mem_cost", "cost")).unwrap();
    let outcome = sandbox.import_with("firebase", users.to_string(), &options).await;
    outcome.assert_exit(1, &["mem_cost is missing"]);
}

#[tokio::test]
async fn auth0_exports_and_import_files_are_read() {
    let sandbox = Sandbox::new().await;
    let lines = [
        json!({
            "_id": { "$oid": "60425dc43519d90068f82973" }, "email": "ada@example.com", "email_verified": true,
            "name": "ada@example.com", "nickname": "ada l.", "passwordHash": BCRYPT,
            "password_set_date": { "$date": "x" },
            "created_at": { "$date": "2023-01-02T03:04:05.678Z" },
            "app_metadata": { "plan": "pro", "groups": ["staff"] },
            "user_metadata": { "sub": "is ignored" }, "tenant": "t", "connection": "c",
        }),
        json!({
            "user_id": "auth0|2", "email": "grace@example.com", "given_name": "Grace", "family_name": "Hopper",
            "blocked": true, "created_at": "2023-01-02T03:04:05.678Z",
            "custom_password_hash": { "algorithm": "scrypt", "keylen": 4, "cost": 32768, "blockSize": 8,
                "parallelization": 1, "salt": { "value": "salt", "encoding": "utf8" },
                "hash": { "value": "00112233445566778899aabbccddeeff", "encoding": "hex" } },
        }),
        json!({
            "email": "pbkdf2@example.com", "custom_password_hash": { "algorithm": "pbkdf2", "hash": { "value":
                "$pbkdf2-sha512$i=1000,l=20$YWJjc29tZXRoaW5n$89v2METlSkX2LKWSQGHCdE4iUkE", "encoding": "utf8" } },
        }),
        json!({
            "email": "md5@example.com", "custom_password_hash": { "algorithm": "md5", "hash": { "value": "ab" } },
        }),
        json!({ "email": "none@example.com" }),
        json!({ "email": "roles@example.com", "passwordHash": BCRYPT, "app_metadata": { "roles": ["x"] } }),
    ];
    let lines = lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
    let outcome = sandbox.import("auth0", lines + "{\"email\":\n").await;
    outcome.assert_exit(1, &["entry 6: claim roles is reserved", "entry 7: not a JSON object: it is cut off"]);
    let expected = json!({ "md5-hash": 1, "no-password": 1, "invalid-claims": 1, "malformed-row": 1 });
    assert_eq!(reasons(&outcome), expected, "{outcome:?}");
    let ada = json!({
        "name": "ada l.", "groups": ["staff"], "claims": r#"{"plan":"pro"}"#, "created_at": 1_672_628_645,
        "email_verified": true, "password_hash": BCRYPT,
    });
    assert_account(&sandbox, "ada@example.com", ada).await;
    let grace = json!({
        "name": "Grace Hopper", "disabled": true, "email_verified": null,
        "password_hash": "$scrypt$ln=15,r=8,p=1$c2FsdA$ABEiM0RVZneImaq7zN3u/w",
    });
    assert_account(&sandbox, "grace@example.com", grace).await;
    let hash = json!({ "password_hash": "$pbkdf2-sha512$i=1000$YWJjc29tZXRoaW5n$89v2METlSkX2LKWSQGHCdE4iUkE" });
    assert_account(&sandbox, "pbkdf2@example.com", hash).await;
}

/// A user as in the export of password hashes. `id` is the key of the document.
fn auth0_hash(id: &str, members: &Value) -> Value {
    let mut user = json!({
        "_id": { "$oid": id }, "email_verified": true, "passwordHash": BCRYPT,
        "password_set_date": { "$date": "2019-12-06T18:36:12.412Z" }, "tenant": "t",
        "connection": "Username-Password-Authentication", "_tmp_is_unique": true,
    });
    user.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    user
}

#[tokio::test]
async fn auth0_users_have_the_same_identifier_in_every_file() {
    let oid = "5dea9f9c82dd7c0e76e4ec93";
    let email = |address: &str| json!({ "email": address });
    for (alone, joined) in [
        (auth0_hash(oid, &email("ada@example.com")), json!(format!("auth0|{oid}"))),
        (auth0_hash(oid, &json!({ "email": "ada@example.com", "alt_id": "euclid" })), json!("auth0|euclid")),
        (auth0_hash(oid, &json!({ "email": "ada@example.com", "alt_id": "a|b" })), json!("auth0|a|b")),
        (auth0_hash(oid, &json!({ "email": "ada@example.com", "alt_id": 42 })), json!("auth0|42")),
        (auth0_hash(oid, &json!({ "email": "ada@example.com", "alt_id": ID })), json!(format!("auth0|{ID}"))),
        // A file for a bulk import has no prefix.
        (json!({ "email": "ada@example.com", "user_id": "42", "password_hash": BCRYPT }), json!("auth0|42")),
    ] {
        let sandbox = Sandbox::new().await;
        sandbox.import("auth0", alone.to_string()).await.assert_success();
        let before = sandbox.accounts().await;
        let mut other = alone.clone();
        other["user_id"] = joined;
        let outcome = sandbox.import("auth0", other.to_string()).await;
        assert_eq!(outcome.assert_success().json()["unchanged"], 1, "{other}");
        let id = &before["ada@example.com"]["public_id"];
        assert_eq!(id == ID, alone["alt_id"] == ID, "a UUID is kept, and nothing else: {other}");
    }
    // Users with the same key in two strategies are two users.
    let sandbox = Sandbox::new().await;
    let user = |id: &str, email: &str| json!({ "user_id": id, "email": email, "passwordHash": BCRYPT });
    let two = format!("{}\n{}", user("auth0|1", "a@example.com"), user("ad|1", "b@example.com"));
    sandbox.import("auth0", two).await.assert_success();
    assert_eq!(sandbox.accounts().await.len(), 2);
}

#[tokio::test]
async fn auth0_addresses_are_also_read_from_the_identifiers() {
    let sandbox = Sandbox::new().await;
    let identifier =
        |kind: &str, value: &str, verified: bool| json!({ "type": kind, "value": value, "verified": verified });
    let user = |id: &str, email: Value, verified: Value, identifiers: &[Value]| {
        auth0_hash(id, &json!({ "email": email, "email_verified": verified, "identifiers": identifiers })).to_string()
    };
    let phone = identifier("phone_number", "+15550100", true);
    let null = Value::Null;
    let lines = [
        user("1", null.clone(), null.clone(), &[phone.clone(), identifier("email", "Ada@example.com", true)]),
        user("2", null.clone(), null.clone(), &[identifier("email", "grace@example.com", false)]),
        user("3", json!("eve@example.com"), null.clone(), &[identifier("email", "EVE@example.com", true)]),
        user("4", json!("root@example.com"), json!(false), &[identifier("email", "root@example.com", true)]),
        user("5", json!("kim@example.com"), null.clone(), &[identifier("email", "other@example.com", true)]),
        user("6", null.clone(), null.clone(), &[phone]),
        auth0_hash("7", &json!({ "identifiers": "none" })).to_string(),
    ];
    let outcome = sandbox.import("auth0", lines.join("\n")).await;
    outcome.assert_exit(1, &["entry 6: the user has no email address (no-email)"]);
    assert_eq!(reasons(&outcome), json!({ "no-email": 1, "malformed-row": 1 }), "{outcome:?}");
    let verified = [("ada", json!(true)), ("grace", json!(false)), ("eve", json!(true)), ("root", json!(false))];
    for (name, verified) in verified.into_iter().chain([("kim", null)]) {
        assert_account(&sandbox, &format!("{name}@example.com"), json!({ "email_verified": verified })).await;
    }
}

fn keycloak_user(id: &str, email: &str, secret: &Value, data: &Value) -> Value {
    json!({
        "id": id, "createdTimestamp": 1_672_628_645_678_u64, "username": email, "enabled": id == ID,
        "emailVerified": true, "firstName": "Ada", "lastName": "Lovelace", "email": email,
        "attributes": { "department": ["research"], "sites": ["a", "b"] }, "groups": ["/staff/editors"],
        "realmRoles": ["default-roles-x"], "requiredActions": [], "notBefore": 0,
        "credentials": [
            { "type": "otp", "secretData": "{}", "credentialData": "{}" },
            { "type": "password", "secretData": secret.to_string(), "credentialData": data.to_string() },
        ],
    })
}

#[tokio::test]
async fn keycloak_realms_are_read_with_groups_and_attributes() {
    let sandbox = Sandbox::new().await;
    let hash = "A".repeat(86) + "==";
    let secret = json!({ "value": hash, "salt": "c2FsdHNhbHRzYWx0c2FsdA==", "additionalParameters": {} });
    let pbkdf2 = json!({ "hashIterations": 27500, "algorithm": "pbkdf2-sha256", "additionalParameters": {} });
    let parameters = json!({
        "hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"],
    });
    let argon2 = json!({ "hashIterations": 5, "algorithm": "argon2", "additionalParameters": parameters });
    let short = json!({ "value": "A".repeat(43) + "=", "salt": "c2FsdHNhbHRzYWx0c2FsdA==" });
    let other = json!({ "hashIterations": -1, "algorithm": "pbkdf2-sha256" });
    let md5 = json!({ "algorithm": "md5" });
    let realm = json!({ "realm": "x", "roles": { "realm": [{ "name": "y".repeat(2_000_000) }] }, "users": [
        keycloak_user(ID, "ada@example.com", &secret, &pbkdf2),
        keycloak_user("1c7c3b63-63b3-401d-8e8f-4b206b1d8f22", "grace@example.com", &short, &argon2),
        keycloak_user("2d8d4c74-74c4-412e-9f90-5c317c2e9033", "bad@example.com", &secret, &other),
        keycloak_user("3e9e5d85-85d5-423f-a0a1-6d428d3fa144", "md5@example.com", &secret, &md5),
        { "id": "4faf6e96-96e6-4340-b1b2-7e539e40b255", "username": "oauth", "email": "oauth@example.com" },
    ], "scopeMappings": [] });
    let outcome = sandbox.import("keycloak", realm.to_string()).await;
    let expected = json!({ "malformed-hash": 1, "unsupported-hash": 1, "no-password": 1 });
    assert_eq!(reasons(&outcome), expected, "{outcome:?}");
    let ada = json!({
        "public_id": ID, "name": "Ada Lovelace", "groups": ["staff/editors"], "created_at": 1_672_628_645,
        "claims": r#"{"department":"research","sites":["a","b"]}"#, "email_verified": true, "disabled": null,
        "password_hash": format!("$pbkdf2-sha256$i=27500$c2FsdHNhbHRzYWx0c2FsdA${}", "A".repeat(86)),
    });
    assert_account(&sandbox, "ada@example.com", ada).await;
    let hash = format!("$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHRzYWx0c2FsdA${}", "A".repeat(43));
    assert_account(&sandbox, "grace@example.com", json!({ "password_hash": hash, "disabled": true })).await;
    sandbox.import("keycloak", "{\"realm\":\"x\"}").await.assert_exit(1, &["has no member \"users\""]);
}

#[tokio::test]
async fn kratos_identities_are_read_in_every_form() {
    let identity = json!({
        "id": ID, "schema_id": "default", "state": "inactive", "created_at": "2023-01-02T03:04:05.678901Z",
        "traits": { "email": "Ada@example.com", "name": { "first": "Ada", "last": "Lovelace" } },
        "verifiable_addresses": [{ "value": "Ada@example.com", "verified": true, "via": "email" }],
        "metadata_public": { "plan": "pro" }, "metadata_admin": { "note": "is ignored" },
        "credentials": { "password": { "type": "password", "identifiers": ["ada@example.com"], "config": {
            "hashed_password": "$scrypt$ln=16384,r=8,p=1$2npRo7P03Mt8keSoMbyD/tKFWyUzjiQf2svUaNDSrhA=$MiCzNcIplSMqSBrm4\
             HckjYqYhaVPPjTARTzwB1cVNYE=" } } },
    });
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let listed = json!({ "identities": [identity], "next_page_token": "" });
    for content in
        [format!("{identity}\n"), identity.to_string(), pretty(&json!([identity])), pretty(&listed), listed.to_string()]
    {
        let sandbox = Sandbox::new().await;
        sandbox.import("kratos", &content).await.assert_success();
        let ada = json!({
            "public_id": ID, "name": "Ada Lovelace", "disabled": true, "email_verified": true,
            "claims": r#"{"plan":"pro"}"#, "created_at": 1_672_628_645,
            "password_hash": "$scrypt$ln=14,r=8,p=1$2npRo7P03Mt8keSoMbyD/tKFWyUzjiQf2svUaNDSrhA$MiCzNcIplSMqSBrm4Hckj\
                YqYhaVPPjTARTzwB1cVNYE",
        });
        assert_account(&sandbox, "ada@example.com", ada).await;
    }
}
