//! Tests of what comparisons cost, in the work of the hashes that they compute.

use std::collections::BTreeMap;

use super::{
    Cost, HashScheme, LegacyHashes, OWASP_MINIMUM, Password, PasswordHash, UnusableHash, Verdict, highest_costs,
    legacy_hashes::TIME_LIMIT, memory_pool::MemoryPool, verify::Comparison,
};

struct Fixture {
    comparison: Comparison,
    memory: MemoryPool,
}

impl Fixture {
    fn new(listed: &str) -> Self {
        let comparison = Comparison::new(OWASP_MINIMUM, listed.parse().unwrap());
        Self { memory: MemoryPool::new(comparison.blocks().unwrap()), comparison }
    }

    /// The verdict, and the hashes that were computed for it.
    fn verify(&self, password: &str, hash: Option<&str>) -> (Verdict, Vec<HashScheme>) {
        let hash = hash.map(|hash| PasswordHash::from_stored(hash.to_owned()));
        let password = Password::new(password);
        let verdict = self.comparison.verify(&mut self.memory.acquire(), &password, hash.as_ref()).unwrap();
        (verdict, self.memory.take_computed())
    }
}

/// The sum of the work of each scheme.
fn work(computed: &[HashScheme]) -> BTreeMap<&'static str, u64> {
    let mut work = BTreeMap::new();
    for scheme in computed {
        *work.entry(scheme.name()).or_default() += scheme.work();
    }
    work
}

fn milliseconds(computed: &[HashScheme]) -> u64 {
    computed.iter().map(HashScheme::nanoseconds).sum::<u64>() / 1_000_000
}

const SALT: &str = "MDEyMzQ1Njc4OWFiY2RlZg";
const HASH: &str = "nir0Dzthw1rgA7wvDsDpshlKNPFZWweEDDaCo5ELghU";

#[test]
fn a_hash_above_the_limits_costs_no_more_than_an_unknown_user() {
    let mut hashes: Vec<String> = [
        "argon2id$v=19$m=262145,t=1,p=1",
        "argon2id$v=19$m=4194304,t=1,p=1",
        "argon2id$v=19$m=4294967295,t=4294967295,p=1",
        "argon2i$v=19$m=65536,t=17,p=1",
        "argon2d$m=1024,t=1,p=17",
        "pbkdf2-sha1$i=2000001",
        "pbkdf2-sha256$i=4294967295",
        "pbkdf2-sha512$i=99999999999999999999",
        "scrypt$ln=18,r=8,p=1",
        "scrypt$ln=20,r=8,p=1",
        "scrypt$ln=15,r=8,p=5",
        "scrypt$ln=1,r=1,p=4294967295",
        "scrypt$ln=63,r=4294967295,p=4294967295",
        "scrypt$ln=400,r=8,p=1",
        // Of a small product, but PBKDF2 would take seconds.
        "scrypt$ln=1,r=524288,p=1",
        "scrypt$ln=1,r=1,p=524288",
        "scrypt$ln=4,r=256,p=256",
        "firebase-scrypt$ln=8,r=65,p=1",
        "firebase-scrypt$ln=8,r=8,p=65",
        "firebase-scrypt$ln=22,r=8,p=1",
    ]
    .iter()
    .map(|start| format!("${start}${SALT}${HASH}"))
    .collect();
    // Four blocks of output.
    hashes.push(format!("$pbkdf2-sha1$i=500001${SALT}${}", "A".repeat(86)));
    for cost in ["15", "31", "99"] {
        hashes.push(format!("$2b${cost}$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC"));
    }
    let fixture = Fixture::new("");
    let (_, of_unknown) = fixture.verify("wrong", None);
    assert!(!of_unknown.is_empty() && milliseconds(&of_unknown) < 300, "{of_unknown:?}");
    for hash in &hashes {
        let (verdict, computed) = fixture.verify("wrong", Some(hash));
        assert!(matches!(verdict, Verdict::Unusable(UnusableHash::TooExpensive(_))), "{hash:?}: {verdict:?}");
        assert_eq!(computed, of_unknown, "{hash:?}");
    }
}

#[test]
fn each_comparison_does_the_work_of_all_listed_schemes() {
    let fixture = Fixture::new("pbkdf2-sha256:60000,bcrypt:7,scrypt:13:8:1,scrypt:4:8:1,argon2:32768:2:1");
    let hashes = [
        None,
        Some("$pbkdf2-sha256$i=10$trZW6v0f45zznrN2jnEupQ$nir0Dzthw1rgA7wvDsDpshlKNPFZWweEDDaCo5ELghU"),
        Some("$pbkdf2-sha256$i=29000$DsE4Z4yR0ppT6v3/X4sRAg$RvyIO12v/vSsT4JiuX4L6BkYLjVN3Y0/57H4Llu6SiU"),
        Some("$2b$05$Sjkfis6doKslgyy1Z4VXR.iU//eECjnpMGRn9HNPJu5DSKNpakhZK"),
        Some("$scrypt$ln=4,r=8,p=1$C6GUUuq91zpnbO39P8c4Zw$0DHdO+m0oi/K1UChb3piSD+KtvEACnzIytc2rJJDzjU"),
        Some("$argon2id$v=19$m=64,t=1,p=1$xdsAWKe6k+sXWEIlr7O5Tw$ndxi7zAK7cMhhGxtaGsmPGtyClpDRpBUodH5ywnELWU"),
        Some("$argon2id$v=19$m=32768,t=2,p=1$xdsAWKe6k+sXWEIlr7O5Tw$ndxi7zAK7cMhhGxtaGsmPGtyClpDRpBUodH5ywnELWU"),
        Some("not a hash"),
        Some("$2b$31$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC"),
    ];
    // Argon2 is computed for both forms of a password that is not in NFC.
    for (password, forms) in [("correct horse battery staple", 1), ("wrong", 1), ("Zoe\u{308}", 2)] {
        for hash in hashes {
            let (_, computed) = fixture.verify(password, hash);
            let argon2 = forms * (38_912 + 65_536);
            let expected = [("argon2", argon2), ("bcrypt", 128), ("pbkdf2-sha256", 60_000), ("scrypt", 65_600 + 192)];
            assert_eq!(work(&computed), expected.into(), "{hash:?} {password}: {computed:?}");
        }
    }
    let (_, unlisted) = Fixture::new("").verify("wrong", None);
    assert_eq!(work(&unlisted), [("argon2", 38_912)].into());
}

/// With less memory, Argon2 and scrypt take less time for the same work.
#[test]
fn with_a_list_argon2_and_scrypt_are_computed_at_the_same_costs_for_every_account() {
    let fixture = Fixture::new("scrypt:13:8:1,argon2:65536:1:1,scrypt:12:8:2");
    let sorted = |hash: Option<&str>| {
        let mut computed: Vec<String> = fixture.verify("wrong", hash).1.iter().map(HashScheme::to_string).collect();
        computed.sort();
        computed
    };
    let expected = ["argon2:19456:2:1", "argon2:65536:1:1", "scrypt:12:8:2", "scrypt:13:8:1"];
    for start in [
        "argon2id$v=19$m=19456,t=2,p=1",
        "argon2id$v=19$m=65536,t=1,p=1",
        "argon2i$v=19$m=65536,t=1,p=1",
        "scrypt$ln=13,r=8,p=1",
        "scrypt$ln=12,r=8,p=2",
    ] {
        assert_eq!(sorted(Some(&format!("${start}${SALT}${HASH}"))), expected, "{start}");
    }
    assert_eq!(sorted(None), expected);
    assert_eq!(sorted(Some("not a hash")), expected);
}

#[test]
fn without_a_list_a_hash_of_another_scheme_costs_its_own_work_only() {
    let fixture = Fixture::new("");
    let cheap = "$2b$04$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC";
    let (verdict, computed) = fixture.verify("wrong", Some(cheap));
    assert_eq!((verdict, computed), (Verdict::Mismatch, vec![HashScheme::Bcrypt { cost: 4 }]));
}

#[test]
fn a_list_is_parsed_and_written_alike_and_each_error_says_what_is_wrong() {
    for list in [
        "",
        "bcrypt:12",
        "pbkdf2-sha256:600000,bcrypt:12,scrypt:15:8:1,scrypt:14:8:1",
        "firebase-scrypt:14:8:1,argon2:65536:3:4,argon2:65536:3:1",
    ] {
        assert_eq!(list.parse::<LegacyHashes>().unwrap().to_string(), list);
    }
    assert_eq!(
        " bcrypt:12 , pbkdf2-sha1:1000 ".parse::<LegacyHashes>().unwrap().to_string(),
        "bcrypt:12,pbkdf2-sha1:1000"
    );
    for (list, problem) in [
        ("md5:1", "unknown scheme"),
        ("bcrypt", "without its numbers"),
        ("bcrypt:12:1", "without its numbers"),
        ("bcrypt:-4", "without its numbers"),
        ("scrypt:15", "without its numbers"),
        ("bcrypt:12,", "unknown scheme"),
        ("bcrypt:12,bcrypt:10", "that another one includes"),
        ("pbkdf2-sha1:10,pbkdf2-sha1:20", "that another one includes"),
        ("scrypt:15:8:1,scrypt:15:8:1", "that another one includes"),
        ("bcrypt:15", "above cost 14"),
        ("bcrypt:3", "below cost 4"),
        ("pbkdf2-sha256:2000001", "2000000 iterations"),
        ("scrypt:18:8:1", "scrypt above"),
        ("argon2:262145:1:1", "Argon2 above"),
        ("scrypt:1:1:524288", "r=64 or p=64"),
        ("scrypt:1:524288:1", "r=64 or p=64"),
        ("firebase-scrypt:8:8:65", "r=64 or p=64"),
    ] {
        let error = list.parse::<LegacyHashes>().unwrap_err().to_string();
        assert!(error.contains(problem), "{list}: {error}");
    }
}

#[test]
fn a_list_keeps_the_highest_cost_of_pbkdf2_and_bcrypt_and_each_cost_of_the_others() {
    let mut list = LegacyHashes::default();
    for hash in [
        format!("$pbkdf2-sha256$i=260000${SALT}${HASH}"),
        format!("$pbkdf2-sha256$i=600000${SALT}${HASH}"),
        format!("$pbkdf2-sha1$i=1000${SALT}${HASH}"),
        format!("$scrypt$ln=15,r=8,p=1${SALT}${HASH}"),
        format!("$scrypt$ln=14,r=8,p=1${SALT}${HASH}"),
        format!("$scrypt$ln=15,r=8,p=1${SALT}${HASH}"),
        "$2b$12$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC".to_owned(),
        "$2b$10$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC".to_owned(),
        format!("$argon2i$v=19$m=65536,t=3,p=4${SALT}${HASH}"),
        format!("$argon2id$v=19$m=65536,t=3,p=4${SALT}${HASH}"),
        format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${HASH}"),
    ] {
        list.add(PasswordHash::from_stored(hash).inspect().unwrap());
    }
    assert_eq!(
        list.to_string(),
        "pbkdf2-sha256:600000,pbkdf2-sha1:2000,scrypt:15:8:1,scrypt:14:8:1,bcrypt:12,argon2:65536:3:4"
    );
}

#[test]
fn a_list_is_too_slow_if_its_time_and_that_of_the_configured_cost_exceed_the_limit() {
    let doubled = Cost { memory_kib: 262_144, iterations: 1, parallelism: 1 };
    let highest = Cost { memory_kib: 1_048_576, iterations: 100, parallelism: 1 };
    for (list, configured, is_fast) in [
        ("", highest, true),
        ("bcrypt:4", highest, false),
        ("bcrypt:14", OWASP_MINIMUM, true),
        // Each password that is not in NFC is hashed by Argon2 in both forms.
        ("bcrypt:14", doubled, false),
        ("pbkdf2-sha256:600000,bcrypt:12,scrypt:15:8:1", doubled, true),
        ("argon2:262144:3:1", OWASP_MINIMUM, true),
        ("argon2:262144:4:1", OWASP_MINIMUM, false),
        ("bcrypt:12,argon2:262144:3:1", OWASP_MINIMUM, false),
        ("bcrypt:14,pbkdf2-sha512:1000000", OWASP_MINIMUM, false),
        ("pbkdf2-sha512:2000000", OWASP_MINIMUM, false),
    ] {
        let checked = list.parse::<LegacyHashes>().unwrap().check_time(configured);
        assert_eq!(checked.is_ok(), is_fast, "{list} {configured:?}: {checked:?}");
    }
}

/// Four seconds is the time limit of a comparison.
#[test]
fn no_permitted_hash_takes_four_seconds_with_any_permitted_list() {
    for (_, hash) in highest_costs() {
        let scheme = hash.inspect().unwrap();
        // Argon2 is computed for both forms of a password.
        let computed = if scheme.name() == "argon2" { 2 } else { 1 };
        let own = computed * scheme.nanoseconds() / 1_000_000;
        assert!(own + TIME_LIMIT < 4000, "{scheme}: {own} ms");
    }
}

#[test]
fn a_hash_at_the_highest_permitted_cost_costs_its_own_work_only() {
    let fixture = Fixture::new("");
    for (_, hash) in highest_costs() {
        let scheme = hash.inspect().unwrap();
        let (verdict, computed) = fixture.verify("wrong", Some(hash.as_str()));
        assert_eq!((verdict, computed), (Verdict::Mismatch, vec![scheme]), "{scheme}");
    }
}
