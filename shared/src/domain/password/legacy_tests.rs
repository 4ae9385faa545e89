//! Tests of hashes that other systems computed. The strings were produced by the named libraries, or are published test
//! vectors, in Postern's form.

use proptest::prelude::*;

use super::{Cost, HashScheme, Hasher, OWASP_MINIMUM, Password, PasswordHash, UnusableHash, Verdict};

const PASSWORD: &str = "correct horse battery staple";
const LOW: Cost = Cost { memory_kib: 64, iterations: 1, parallelism: 1 };

/// Hashes of [`PASSWORD`] at the defaults of several versions.
const DEFAULTS: [&str; 17] = [
    // werkzeug 0.16.1, 2.3.8 and 3.1.4.
    "$pbkdf2-sha256$i=150000$Ujc0c3NxaEg$BUoQ8Qc9mCtrcuGp+QYefqsB+fQ2YovBIwIUsdYc2l8",
    "$pbkdf2-sha256$i=600000$S1hhM2RQZzJVcUlQZUpHZg$esd3AV4/yKikFXLkuZLvoPQBWqINhBGazqGVrGJ6uhg",
    "$pbkdf2-sha512$i=150000$ajdxOFB0TWU$3ECnUPgt2a8HbH8OEF6mMgdD5KfHr9+cS/9YmdjxYAoEdq7VNKlMCafnd1NCQXhYw8IJunN/n0L5/\
     XhCHI5gZQ",
    "$scrypt$ln=15,r=8,p=1$eTJEUGVZUXlXOXBxRWI1VA$s8Qt7GDn39mW1mEUPPuVLubkLCeQii1363F4h1ye1BBzW5KXmJiIgTbzUBD2tZz7CTCgR\
     8wmXyVsgd7tcI1Wyw",
    // Django 3.2, 4.2 and 5.2.
    "$pbkdf2-sha256$i=260000$anVrMlFZeklyVnVDVmRtYkhQMkVReQ$FLeHXUFZjzFJl5RZfHLu/g91KnCoMih/SHK85f5/X5g",
    "$pbkdf2-sha1$i=600000$dlAzdEZZRmU0YkFraHFpeUIyZWxWNA$doklKovXIv1j/EMe8fpuNvjgcbo",
    "$2b$12$CgpiSfVkYvD8VjBDutDLOeQ2SEdhK2537ajFMdkxUfSXte79l8O8i",
    "$argon2id$v=19$m=102400,t=2,p=8$RWZyVDVacHdzazZNOEtjTlBBRW9PUQ$dJNA0I70OgBH/PfDxay2pG01MbAvJTZGBIpAXaSBLu8",
    "$scrypt$ln=14,r=8,p=5$MWFyUHcya2JRbm0zTE1WN3dqbXQzeg$Gakwvn7a5zwTRMSP4W9Nv4ejpjBoD4JFyVhNSQdxdV3i4Am7jvf/XQ7hWsMyB\
     +Bg2VDGbiv8rTwoXGVL8ynfCw",
    // passlib 1.7.4.
    "$pbkdf2-sha1$i=131000$zpnT2vsfo9Q65/y/l7K2Fg$dw3Q+moZ6gQvTG0rHS+1FKJZ1AU",
    "$pbkdf2-sha256$i=29000$DsE4Z4yR0ppT6v3/X4sRAg$RvyIO12v/vSsT4JiuX4L6BkYLjVN3Y0/57H4Llu6SiU",
    "$pbkdf2-sha512$i=25000$Mgag9H7vXQthjDEmpFQqJQ$zUq2dcjMZR8KUSfe+ydOFfb8PVug+crWJs4n/RHnDI7snRWdyMMNYnIvo64fN+nc+LM1\
     Y2VTJvDmmucFMX9OyQ",
    "$scrypt$ln=16,r=8,p=1$KcVYq9UaY0yJcU7JeU9pDQ$HfyDx4QEstNgWVp8o7jWVFx7j+gn7dz1M+PMsam1iQ4",
    // bcrypt 4.3 and 5.0.
    "$2b$05$Sjkfis6doKslgyy1Z4VXR.iU//eECjnpMGRn9HNPJu5DSKNpakhZK",
    "$2a$05$orLmwrMUCOSov.OmFu/W5.Gp.XVvlfkc.UhxDR9AdsDVV0NiNDxpC",
    // As written by PHP.
    "$2y$05$orLmwrMUCOSov.OmFu/W5.Gp.XVvlfkc.UhxDR9AdsDVV0NiNDxpC",
    // argon2-cffi 25.1.0.
    "$argon2id$v=19$m=65536,t=3,p=4$mIkdhhf9LrwozT6jLb36+A$OCI3cPOGNTNQz7xriAc/Ca5qECnycz2Us1o6FFqZuRo",
];

/// Hashes of [`PASSWORD`] at a low cost, one for each form.
const CHEAP: [&str; 12] = [
    "$pbkdf2-sha1$i=1000$em8NodQ65zyn9N47B2CsNQ$BhJlmq8Y65+DrzbwwHZtI6cyJOM",
    "$pbkdf2-sha1$i=10$cw$9nQYIugmL7gQllaRUjbBOTZYXBc",
    "$pbkdf2-sha256$i=10$trZW6v0f45zznrN2jnEupQ$nir0Dzthw1rgA7wvDsDpshlKNPFZWweEDDaCo5ELghU",
    // Two blocks of output, as Keycloak has it.
    "$pbkdf2-sha256$i=10,l=64$MDEyMzQ1Njc4OWFiY2RlZg$ytoRUsYjpcAUaamG1kJlXK7aAWLnRlQXHF7ZdigW8fEypa3g6NtlRX0vRxPiUm/Mmg\
     SlsY/P+zvMNf/X1+gF5A",
    "$pbkdf2-sha512$i=10$ee8dQ4hRylkrhXCOMaZ0rg$NxSMBP8T+uvJbgpUT7/shJmXpId2s7i5yCYskxp3LjwnQCgwX09x17Ssf46dh4UkYguXu\
     0J1WlKqkIpAQ4dimQ",
    "$scrypt$ln=4,r=8,p=1$C6GUUuq91zpnbO39P8c4Zw$0DHdO+m0oi/K1UChb3piSD+KtvEACnzIytc2rJJDzjU",
    "$scrypt$ln=4,r=2,p=3$xFhrTQnB+J9TynkPQQghJA$0TIieOa2Nhm5Y/C9Q/nql7xta0tTA1O+YObAutSyY1g",
    "$2b$04$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC",
    "$argon2id$v=19$m=64,t=1,p=1$xdsAWKe6k+sXWEIlr7O5Tw$ndxi7zAK7cMhhGxtaGsmPGtyClpDRpBUodH5ywnELWU",
    "$argon2i$v=19$m=64,t=2,p=2$xbME7oO9Xkd1EAFWfK1xwQ$zXtpZiNldcenct6DiaFuouXSDlXfancBgkhkba58BIY",
    // The longest salt and hash.
    "$argon2d$v=19$m=64,t=2,p=2$np/PZIvjLV6YmmaQ406+WznXpDNZCYSQFja494uk05bf4Ml11oPQkAKf5dJLdZS4GPR+YDR0HIZRXAiapxi3B\
     w$MRYnL4aph4CwnJlUo7ueVavz6JZx0CoC9EXGn9grT/aFz0Uy0aRqDUWqRIJVJwcVlA4aWQ/dfS2q4T9o7ZUV5w",
    "$argon2i$v=16$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gtgpVLEfI+RusIxixi8g3itgHY8BvNXzJUM7+uIX2qA",
];

/// Password and hash: RFC 6070, RFC 7914 sections 11 and 12, jBCrypt's tests, and the example of
/// <https://github.com/firebase/scrypt>.
const PUBLISHED: [(&str, &str); 7] = [
    ("password", "$pbkdf2-sha1$i=4096$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE"),
    (
        "Password",
        "$pbkdf2-sha256$i=80000$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2\
         Kzl/M8jQ",
    ),
    (
        "pleaseletmein",
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h\
         6F3A1lHkDfzwF7RVdYhw",
    ),
    ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    ("abcdefghijklmnopqrstuvwxyz", "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz."),
    (
        "user1password",
        "$firebase-scrypt$ln=14,r=8,p=1$42xEC+ixf3L2lwc$GjH2+Jz+dglLj5NuFkZHgBvZnv8Z8VZE5sdIgEAbIgeXy+ZfSpJLu1A++pZcp\
         x0OhX41mDwvu2Olmp+PnfLfyQ",
    ),
];

fn stored(hash: &str) -> PasswordHash {
    PasswordHash::from_stored(hash.to_owned())
}

async fn verify(password: &str, hash: &str) -> Verdict {
    Hasher::new(LOW, 2).unwrap().verify(Password::new(password), Some(stored(hash))).await.unwrap()
}

#[tokio::test]
async fn hashes_of_other_systems_verify_and_those_of_other_schemes_are_outdated() {
    let cases = DEFAULTS.iter().chain(&CHEAP).map(|hash| (PASSWORD, *hash)).chain(PUBLISHED);
    for (password, hash) in cases {
        let outdated = !hash.starts_with("$argon2id$v=19$");
        assert_eq!(verify(password, hash).await, Verdict::Match { outdated }, "{hash}");
        assert_eq!(stored(hash).inspect().unwrap().is_legacy(), outdated, "{hash}");
    }
}

#[tokio::test]
async fn one_changed_character_of_the_password_does_not_match() {
    for hash in CHEAP {
        for other in ["correct horse battery stapl", "Correct horse battery staple", "correct horse battery staple\0"] {
            assert_eq!(verify(other, hash).await, Verdict::Mismatch, "{other:?} {hash}");
        }
    }
    for (password, hash) in PUBLISHED {
        assert_eq!(verify(&format!("{password}x"), hash).await, Verdict::Mismatch, "{hash}");
    }
}

#[tokio::test]
async fn one_changed_character_of_the_hash_does_not_match() {
    for hash in CHEAP {
        for place in 0..hash.len() {
            let mut changed = hash.as_bytes().to_vec();
            let byte = changed[place];
            changed[place] = if byte.is_ascii_digit() { b'9' - (byte - b'0') } else { byte ^ 1 };
            let changed = String::from_utf8(changed).unwrap();
            let verdict = verify(PASSWORD, &changed).await;
            assert!(!matches!(verdict, Verdict::Match { .. }), "{hash} {changed}");
        }
    }
}

#[tokio::test]
async fn bcrypt_ignores_what_follows_72_bytes_and_no_nul_matches() {
    let long = "$2b$04$Sc3jIA836SW7ycncJyc5xeVLo/zV1qK0UllOXGGxaMFvBzQbdhlPS";
    assert_eq!(verify(&"a".repeat(80), long).await, Verdict::Match { outdated: true });
    assert_eq!(verify(&"a".repeat(72), long).await, Verdict::Match { outdated: true });
    assert_eq!(verify(&"a".repeat(71), long).await, Verdict::Mismatch);
    let short = "$2b$04$Tn94o2cuGdFIhlvlABrl8OHOFcB6hBJA7T8KBbEGdlo3edt3j45SC";
    assert_eq!(verify("a", short).await, Verdict::Match { outdated: true });
    // Both repeat to the same key.
    assert_eq!(verify("a\0a", short).await, Verdict::Mismatch);
    let unicode = "$2b$04$8jXtJCpkSev/rsRg9tneZuPhekfyYbj9DmiBVtRwK5SlhKaNJiL5e";
    assert_eq!(verify("Zoë passphrase ♥", unicode).await, Verdict::Match { outdated: true });
}

/// Other systems do not normalize, so their hash is that of the bytes that were sent.
#[tokio::test]
async fn a_password_is_compared_as_sent_and_replaced_in_its_normalized_form() {
    let [sent, normalized] = ["Zoe\u{308} Zoe\u{308}", "Zo\u{eb} Zo\u{eb}"];
    for hash in [
        "$2b$04$xIPG/ZE8ifTYUeVImeY95uuXONIkI48r7U6TzzOtR9lwFXNm/j9m2",
        "$argon2id$v=19$m=64,t=1,p=1$twSE9yYrSoJBDFD2I+bTJA$ZPyOPDC2jaFVuZy8wPxWRsGiODmBnkrk8Q9pBVaRicA",
    ] {
        assert_eq!(verify(sent, hash).await, Verdict::Match { outdated: true }, "{hash}");
        assert_eq!(verify(normalized, hash).await, Verdict::Mismatch, "{hash}");
    }
}

#[tokio::test]
async fn the_configured_cost_raises_the_limit_of_argon2() {
    let expensive =
        "$argon2id$v=19$m=64,t=17000,p=1$xdsAWKe6k+sXWEIlr7O5Tw$ndxi7zAK7cMhhGxtaGsmPGtyClpDRpBUodH5ywnELWU";
    assert!(matches!(verify(PASSWORD, expensive).await, Verdict::Unusable(_)));
    let configured = Hasher::new(Cost { iterations: 17_000, ..LOW }, 1).unwrap();
    let verdict = configured.verify(Password::new(PASSWORD), Some(stored(expensive))).await.unwrap();
    assert_eq!(verdict, Verdict::Mismatch);
    let lanes = Hasher::new(Cost { memory_kib: 128, iterations: 17_000, parallelism: 16 }, 1).unwrap();
    let too_many = stored(&expensive.replace("p=1$", "p=16$"));
    let verdict = lanes.verify(Password::new(PASSWORD), Some(too_many)).await.unwrap();
    assert!(matches!(verdict, Verdict::Unusable(UnusableHash::Malformed(_))), "less than 8 KiB per lane: {verdict:?}");
}

#[test]
fn a_hash_that_the_setting_does_not_cover_is_named_with_the_value_to_set() {
    let hasher = |listed: &str| Hasher::with_legacy_hashes(OWASP_MINIMUM, 1, listed.parse().unwrap()).unwrap();
    let needed = |listed, hash| hasher(listed).missing_legacy_hashes(&stored(hash)).map(|list| list.to_string());
    let [pbkdf2, bcrypt, argon2] = [DEFAULTS[1], DEFAULTS[13], DEFAULTS[16]];
    assert_eq!(needed("", pbkdf2).as_deref(), Some("pbkdf2-sha256:600000"));
    assert_eq!(needed("bcrypt:4", bcrypt).as_deref(), Some("bcrypt:5"));
    assert_eq!(needed("bcrypt:5", pbkdf2).as_deref(), Some("bcrypt:5,pbkdf2-sha256:600000"));
    assert_eq!(needed("", argon2).as_deref(), Some("argon2:65536:3:4"));
    for (listed, hash) in [("pbkdf2-sha256:600000", pbkdf2), ("bcrypt:6", bcrypt), ("argon2:65536:3:4", argon2)] {
        assert_eq!(needed(listed, hash), None, "{listed}");
    }
    assert_eq!(needed("", CHEAP[8]), None, "Argon2 of a lower cost than the configured one");
    assert_eq!(needed("", "not a hash"), None);
}

proptest! {
    #[test]
    fn no_text_makes_inspection_panic_or_exceeds_the_limits(
        text in prop_oneof![
            any::<String>(),
            "\\$(argon2id|argon2d|scrypt|pbkdf2-sha1|firebase-scrypt|2b)\\$(v=19\\$)?[a-z0-9=,$+/]{0,80}",
            "\\$argon2id?\\$(v=19\\$)?m=[0-9]{1,10},t=[0-9]{1,8},p=[0-9]{1,4}\\$[A-Za-z0-9+/]{22}\\$[A-Za-z0-9]{43}",
            "\\$(firebase-)?scrypt\\$ln=[0-9]{1,3},r=[0-9]{1,10},p=[0-9]{1,10}\\$[A-Za-z0-9+/]{24}\\$[A-Za-z0-9]{44}",
            "\\$pbkdf2-sha(1|256|512)\\$i=[0-9]{1,11}(,l=[0-9]{2})?\\$[A-Za-z0-9+/]{0,90}\\$[A-Za-z0-9]{0,90}",
            "\\$2[abxy]\\$[0-9]{2}\\$[A-Za-z0-9./]{53}",
        ],
    ) {
        match stored(&text).inspect() {
            Ok(HashScheme::Argon2 { cost: Cost { memory_kib, iterations, parallelism }, .. }) => {
                prop_assert!(memory_kib <= 262_144 && parallelism <= 16);
                prop_assert!(u64::from(memory_kib) * u64::from(iterations) <= 1_048_576);
            }
            Ok(HashScheme::Pbkdf2 { iterations, .. }) => prop_assert!((1..=2_000_000).contains(&iterations)),
            Ok(HashScheme::Scrypt(cost) | HashScheme::FirebaseScrypt(cost)) => {
                prop_assert!(u64::from(cost.r) << cost.log_n << 7 <= 128 << 20);
                prop_assert!((u64::from(cost.r) << cost.log_n) * u64::from(cost.p) <= 1 << 20);
                prop_assert!(cost.r <= 64 && cost.p <= 64);
            }
            Ok(HashScheme::Bcrypt { cost }) => prop_assert!((4..=14).contains(&cost)),
            Err(_) => {}
        }
    }
}
