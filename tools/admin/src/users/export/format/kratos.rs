//! Identities for `kratos import identities`: the body of `POST /admin/identities`.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use serde_json::json;

use super::{ExportedUser, Written, append_json, hash::HashParts};
use crate::utc::utc;

/// Kratos's upper limits (hash/hash_limits.go). It compares `ln` of scrypt, which is N itself there.
const MAX_SCRYPT: [(&str, u32); 3] = [("ln", 17), ("r", 8), ("p", 10)];
const MAX_ARGON2: [(&str, u32); 3] = [("m", 1 << 20), ("t", 10), ("p", 16)];

pub(super) fn user(user: &ExportedUser, out: &mut Vec<u8>) -> Written {
    let mut identity = json!({
        "schema_id": "default",
        "traits": {"email": user.email, "name": user.name},
        "state": if user.disabled { "inactive" } else { "active" },
        "metadata_admin": {
            "public_id": user.public_id,
            "groups": user.groups,
            "claims": user.claims.as_object(),
            "created_at": user.created_at.and_then(utc),
        },
    });
    if user.email_verified == Some(true) {
        identity["verifiable_addresses"] =
            json!([{"value": user.email, "via": "email", "verified": true, "status": "completed"}]);
    }
    let mut written = Written::Complete;
    if let Some(hash) = &user.password_hash {
        match convert(hash.as_str()) {
            Ok(hash) => identity["credentials"] = json!({"password": {"config": {"hashed_password": hash}}}),
            Err(reason) => written = Written::WithoutHash(reason.to_owned()),
        }
    }
    append_json(&identity, out);
    written
}

/// A hash as Kratos writes it (hash/hash_comparator.go).
fn convert(hash: &str) -> Result<String, &'static str> {
    if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix)) {
        return Ok(hash.to_owned());
    }
    let parts = HashParts::parse(hash).ok_or("the format of the hash is unknown")?;
    let parameter = |name| parts.parameter(name).ok_or("the hash lacks a parameter");
    let check = |limits: [(&str, u32); 3]| {
        let is_within = limits.iter().all(|(name, limit)| parts.parameter(name).is_some_and(|value| value <= *limit));
        if is_within { Ok(()) } else { Err("the cost of the hash exceeds Kratos's limits") }
    };
    match parts.scheme {
        "argon2id" | "argon2i" if parts.version == Some("v=19") => {
            check(MAX_ARGON2)?;
            Ok(hash.to_owned())
        }
        "argon2id" | "argon2i" | "argon2d" => Err("Kratos has no argon2d and only version 19 of Argon2"),
        "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512" => {
            let (salt, key) = (STANDARD_NO_PAD.encode(&parts.salt), STANDARD_NO_PAD.encode(&parts.hash));
            Ok(format!("${}$i={},l={}${salt}${key}", parts.scheme, parameter("i")?, parts.hash.len()))
        }
        "scrypt" => {
            check(MAX_SCRYPT)?;
            let (n, r, p) = (1u32 << parameter("ln")?, parameter("r")?, parameter("p")?);
            Ok(format!("$scrypt$ln={n},r={r},p={p}${}${}", STANDARD.encode(&parts.salt), STANDARD.encode(&parts.hash)))
        }
        "firebase-scrypt" => {
            check(MAX_SCRYPT)?;
            let (ln, r, p) = (parameter("ln")?, parameter("r")?, parameter("p")?);
            // Kratos encrypts a signer key and compares the result with the hash. The ciphertext of zeros is the key
            // stream, which Postern stores. The salt already contains the separator.
            let zeros = vec![0; parts.hash.len()];
            let [salt, stream, zeros] = [&parts.salt, &parts.hash, &zeros].map(|bytes| STANDARD.encode(bytes));
            Ok(format!("$firescrypt$ln={ln},r={r},p={p}${salt}${stream}$${zeros}"))
        }
        _ => Err("the format of the hash is unknown"),
    }
}
