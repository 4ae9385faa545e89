//! Password hashes of other systems, converted into the form that `login` verifies.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD_NO_PAD},
};

use super::reject::{Reason, Rejection};

/// Standard Base64 with or without padding. Stored hashes have both.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Smallest `ln` that is a number of iterations instead of its logarithm, as Ory Kratos writes it.
const SMALLEST_N: u32 = 64;

/// Converts a stored hash. The error never quotes it: it may be a password in plain text.
pub(super) fn convert(stored: &str) -> Result<String, Rejection> {
    let stored = stored.trim();
    // Django marks unusable passwords with an exclamation mark, Unix systems with it or an asterisk.
    if stored.is_empty() || stored.starts_with(['!', '*']) {
        return Err(no_password());
    }
    if let Some(phc) = stored.strip_prefix('$') {
        return modular(stored, phc);
    }
    let (method, rest) = stored.split_once('$').unwrap_or((stored, ""));
    let fields: Vec<&str> = rest.split('$').collect();
    match (method.split(':').collect::<Vec<_>>().as_slice(), fields.as_slice()) {
        // Django: the name of the hasher, then its own format.
        (["argon2"], _) if rest.starts_with("argon2") => Ok(format!("${rest}")),
        (["bcrypt"], _) if rest.starts_with("$2") => convert(rest),
        (["pbkdf2_sha1"], [rounds, salt, hash]) => pbkdf2("sha1", rounds, salt.as_bytes(), &base64(hash)?),
        (["pbkdf2_sha256"], [rounds, salt, hash]) => pbkdf2("sha256", rounds, salt.as_bytes(), &base64(hash)?),
        (["scrypt"], [n, salt, r, p, hash]) => scrypt([&log2(n)?, r, p], salt.as_bytes(), &base64(hash)?),
        // Werkzeug: the salt is used as text.
        (["pbkdf2", digest @ ("sha1" | "sha256" | "sha512"), rounds], [salt, hash]) => {
            pbkdf2(digest, rounds, salt.as_bytes(), &hex(hash)?)
        }
        (["pbkdf2", _], _) => Err(malformed("the number of iterations is missing")),
        (["scrypt", n, r, p], [salt, hash]) => scrypt([&log2(n)?, r, p], salt.as_bytes(), &hex(hash)?),
        (["pbkdf2_sha1" | "pbkdf2_sha256" | "scrypt"] | ["pbkdf2" | "scrypt", ..], _) => {
            Err(malformed("a field is missing, or there is one too many"))
        }
        _ => Err(refuse(method, rest)),
    }
}

/// Hashes that start with a dollar sign: PHC strings, and the formats of crypt, passlib and Ory Kratos.
fn modular(stored: &str, phc: &str) -> Result<String, Rejection> {
    let fields: Vec<&str> = phc.split('$').collect();
    match *fields.as_slice() {
        ["argon2id" | "argon2i" | "argon2d" | "2a" | "2b" | "2y" | "firebase-scrypt", ..] => Ok(stored.to_owned()),
        ["2" | "2x", ..] => Err(unsupported("bcrypt of this version")),
        ["pbkdf2" | "pbkdf2-sha1", rounds, salt, hash] => {
            pbkdf2("sha1", rounds_of(rounds), &base64(salt)?, &base64(hash)?)
        }
        ["pbkdf2-sha256", rounds, salt, hash] => pbkdf2("sha256", rounds_of(rounds), &base64(salt)?, &base64(hash)?),
        ["pbkdf2-sha512", rounds, salt, hash] => pbkdf2("sha512", rounds_of(rounds), &base64(salt)?, &base64(hash)?),
        ["scrypt", costs, salt, hash] => {
            let [ln, r, p] = scrypt_costs(costs)?;
            let is_n = number(ln)? >= SMALLEST_N;
            scrypt([&if is_n { log2(ln)? } else { ln.to_owned() }, r, p], &base64(salt)?, &base64(hash)?)
        }
        ["firescrypt", costs, salt, hash, separator, key] => {
            let [ln, r, p] = scrypt_costs(costs)?;
            let project = FirebaseProject {
                signer_key: base64(key)?,
                salt_separator: base64(separator)?,
                costs: [number(ln)?, number(r)?, number(p)?],
            };
            project.hash(&base64(salt)?, &base64(hash)?)
        }
        ["pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512" | "scrypt" | "firescrypt", ..] => {
            Err(malformed("a field is missing, or there is one too many"))
        }
        [name, ..] => Err(refuse(name, "$")),
        [] => Err(malformed("it is empty")),
    }
}

/// Why a hash is not converted: its scheme is too fast to be safe, it is plain text, or its format is unknown.
fn refuse(method: &str, rest: &str) -> Rejection {
    let method = method.to_ascii_lowercase();
    let name = method.trim_start_matches('{').split(['}', ':']).next().unwrap_or_default();
    let is_hex = method.len() >= 32 && method.bytes().all(|b| b.is_ascii_hexdigit());
    match name {
        "1" | "apr1" | "md5" | "smd5" | "md4" | "md5-crypt" | "hmac-md5" | "unsalted_md5" => weak(Reason::Md5Hash),
        "5" | "6" | "sha" | "ssha" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512" | "ssha256" | "ssha512"
        | "sha256-crypt" | "sha512-crypt" | "hmac-sha1" | "hmac-sha256" | "hmac-sha512" | "unsalted_sha1" => {
            weak(Reason::ShaHash)
        }
        _ if is_hex && rest.is_empty() => weak(if method.len() == 32 { Reason::Md5Hash } else { Reason::ShaHash }),
        "plain" | "plaintext" | "cleartext" => weak(Reason::PlainText),
        _ if rest.is_empty() && !method.starts_with('{') => weak(Reason::PlainText),
        "bcrypt_sha256" | "bcrypt-sha256" => unsupported("bcrypt of a SHA-256 hash"),
        _ => unsupported("a hash of this format"),
    }
}

/// The parameters of a Firebase project, as its console shows them.
pub(super) struct FirebaseProject {
    signer_key: Vec<u8>,
    salt_separator: Vec<u8>,
    /// log2 N, r and p of scrypt.
    costs: [u32; 3],
}

impl FirebaseProject {
    /// Parses the text of "Password hash parameters": members as `name: value`, with or without quotes and commas.
    /// The error names the member, never its value.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let find = |name: &str| {
            let members = text.split(['\n', ',', '{', '}']).filter_map(|line| line.split_once(':'));
            let trim = |part: &str| part.trim().trim_matches(['"', '\'']).trim().to_owned();
            let mut found = members.filter(|(member, _)| trim(member) == name).map(|(_, value)| trim(value));
            found.next().ok_or_else(|| format!("{name} is missing"))
        };
        let algorithm = find("algorithm").unwrap_or_else(|_| "SCRYPT".to_owned());
        if algorithm != "SCRYPT" {
            return Err("the algorithm is not SCRYPT".to_owned());
        }
        let bytes = |name: &str| {
            let decoded = find(name).map(|value| BASE64.decode(url_safe_to_standard(&value)));
            decoded?.map_err(|_| format!("{name} is not Base64"))
        };
        let cost = |name: &str| number(&find(name)?).map_err(|_| format!("{name} is not a whole number"));
        let signer_key = bytes("base64_signer_key")?;
        if signer_key.is_empty() {
            return Err("base64_signer_key is empty".to_owned());
        }
        let salt_separator = bytes("base64_salt_separator")?;
        Ok(Self { signer_key, salt_separator, costs: [cost("mem_cost")?, cost("rounds")?, 1] })
    }

    /// The key stream that encrypted the signer key: it verifies a password, and does not contain the signer key.
    pub(super) fn hash(&self, salt: &[u8], hash: &[u8]) -> Result<String, Rejection> {
        if hash.len() != self.signer_key.len() {
            return Err(malformed("its length differs from that of the project's signer key"));
        }
        let key_stream: Vec<u8> = hash.iter().zip(&self.signer_key).map(|(hash, key)| hash ^ key).collect();
        let salt = [salt, self.salt_separator.as_slice()].concat();
        let [ln, r, p] = self.costs;
        Ok(format!("$firebase-scrypt$ln={ln},r={r},p={p}${}${}", encode(&salt), encode(&key_stream)))
    }
}

/// Base64 of either alphabet, in the standard one.
pub(super) fn url_safe_to_standard(text: &str) -> String {
    text.replace('-', "+").replace('_', "/")
}

/// `$pbkdf2-DIGEST$i=ROUNDS$SALT$HASH`.
pub(super) fn pbkdf2(digest: &str, rounds: &str, salt: &[u8], hash: &[u8]) -> Result<String, Rejection> {
    Ok(format!("$pbkdf2-{digest}$i={}${}${}", number(rounds)?, encode(salt), encode(hash)))
}

/// `$scrypt$ln=LN,r=R,p=P$SALT$HASH`.
pub(super) fn scrypt([ln, r, p]: [&str; 3], salt: &[u8], hash: &[u8]) -> Result<String, Rejection> {
    let [ln, r, p] = [number(ln)?, number(r)?, number(p)?];
    Ok(format!("$scrypt$ln={ln},r={r},p={p}${}${}", encode(salt), encode(hash)))
}

/// The logarithm of scrypt's N.
pub(super) fn log2(n: &str) -> Result<String, Rejection> {
    let n = number(n)?;
    if n.is_power_of_two() { Ok(n.ilog2().to_string()) } else { Err(malformed("scrypt's N is not a power of two")) }
}

/// Decodes Base64 of any of the forms that hashes are stored in: passlib writes a dot for the plus sign.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, Rejection> {
    BASE64.decode(text.replace('.', "+")).map_err(|_| malformed("a field is not Base64"))
}

pub(super) fn hex(text: &str) -> Result<Vec<u8>, Rejection> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(|| malformed("it is not hexadecimal"))?;
    Ok(digits.chunks(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect())
}

fn encode(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// Passlib writes only the number of iterations, PHC strings `i=…` and sometimes the length.
fn rounds_of(field: &str) -> &str {
    field.strip_prefix("i=").map_or(field, |rounds| rounds.split(",l=").next().unwrap_or(rounds))
}

fn scrypt_costs(field: &str) -> Result<[&str; 3], Rejection> {
    let costs: Option<Vec<&str>> =
        field.split(',').zip(["ln=", "r=", "p="]).map(|(cost, name)| cost.strip_prefix(name)).collect();
    let costs = costs.and_then(|costs| <[&str; 3]>::try_from(costs).ok());
    costs.filter(|_| field.matches(',').count() == 2).ok_or_else(|| malformed("its parameters are not ln, r and p"))
}

/// A parameter: digits only. One that no hash could have is too expensive, not malformed.
fn number(text: &str) -> Result<u32, Rejection> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed("a parameter is not a whole number"));
    }
    text.parse().map_err(|_| Rejection::new(Reason::ExpensiveHash, "a parameter of the hash is beyond every limit"))
}

pub(super) fn no_password() -> Rejection {
    Rejection::new(Reason::NoPassword, "the user has no password")
}

pub(super) fn malformed(detail: &str) -> Rejection {
    Rejection::new(Reason::MalformedHash, format!("the hash is malformed: {detail}"))
}

pub(super) fn unsupported(what: &str) -> Rejection {
    Rejection::new(Reason::UnsupportedHash, format!("{what} is not supported"))
}

fn weak(reason: Reason) -> Rejection {
    let kind = match reason {
        Reason::Md5Hash => "an MD5 hash",
        Reason::ShaHash => "a SHA hash",
        _ => "a password in plain text, or in an unknown format,",
    };
    Rejection::new(reason, format!("{kind} is not imported"))
}

#[cfg(test)]
mod tests {
    use shared::domain::password::PasswordHash;

    use super::*;

    fn reason(stored: &str) -> Reason {
        match convert(stored) {
            Err(rejection) => rejection.reason,
            Ok(hash) => panic!("{stored} was converted into {hash}"),
        }
    }

    #[test]
    fn hashes_of_every_library_are_converted() {
        // Written by Werkzeug 3.1, Django 5.2 and passlib 1.7, with few iterations.
        for (stored, expected) in [
            (
                "pbkdf2:sha256:10$o6gnBn5CmYCinL35$06af096ab3ca102c6f714c563bff1fd50c6216c3cf2e47556faa3968425972f5",
                "$pbkdf2-sha256$i=10$bzZnbkJuNUNtWUNpbkwzNQ$Bq8JarPKECxvcUxWO/8f1QxiFsPPLkdVb6o5aEJZcvU",
            ),
            (
                "pbkdf2:sha1:10$ZVBIekrhfYJOrqAr$c1c4cdd18e3ae70a1cd509c27148c862b5424809",
                "$pbkdf2-sha1$i=10$WlZCSWVrcmhmWUpPcnFBcg$wcTN0Y465woc1QnCcUjIYrVCSAk",
            ),
            (
                "scrypt:32768:8:1$aqDyZEQtYJgoJoD3$151dbc020efa5a1716d972ea1117aa3c",
                "$scrypt$ln=15,r=8,p=1$YXFEeVpFUXRZSmdvSm9EMw$FR28Ag76WhcW2XLqEReqPA",
            ),
            (
                "pbkdf2_sha256$10$saltsalt$Ck5w1IIFnSbzkgkIndyP9IjcwkPrnkVdR/bqfPE5UTA=",
                "$pbkdf2-sha256$i=10$c2FsdHNhbHQ$Ck5w1IIFnSbzkgkIndyP9IjcwkPrnkVdR/bqfPE5UTA",
            ),
            (
                "pbkdf2_sha1$10$saltsalt$j8ZT0qxAk7eBTJMBm8kmte3+sQI=",
                "$pbkdf2-sha1$i=10$c2FsdHNhbHQ$j8ZT0qxAk7eBTJMBm8kmte3+sQI",
            ),
            (
                "scrypt$16384$saltsalt$8$5$ioVPhpf7dfyEefjjoxF5hSVJo6kG9QYfI0J/2+ki+v4=",
                "$scrypt$ln=14,r=8,p=5$c2FsdHNhbHQ$ioVPhpf7dfyEefjjoxF5hSVJo6kG9QYfI0J/2+ki+v4",
            ),
            (
                "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHQ$yfe/j5PtlLW7xSgtBPX0pL0ORfhjPQeXA/IUref1Ntw",
                "$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHQ$yfe/j5PtlLW7xSgtBPX0pL0ORfhjPQeXA/IUref1Ntw",
            ),
            (
                "bcrypt$$2b$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW",
                "$2b$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW",
            ),
            (
                "$pbkdf2-sha256$10$LUUoJSSkFGKMMaZ0rtV6Tw$jw/nr6lZ4kZ8Q8YuhwM5IPwm2VE1xXprJgEhRhPXwPI",
                "$pbkdf2-sha256$i=10$LUUoJSSkFGKMMaZ0rtV6Tw$jw/nr6lZ4kZ8Q8YuhwM5IPwm2VE1xXprJgEhRhPXwPI",
            ),
            (
                "$pbkdf2$10$LGWsNaaU0joHYMx5DyHE.A$Rci5bP3CSIkvtCX0wWHlSZN0j/Q",
                "$pbkdf2-sha1$i=10$LGWsNaaU0joHYMx5DyHE+A$Rci5bP3CSIkvtCX0wWHlSZN0j/Q",
            ),
            (
                "$scrypt$ln=10,r=8,p=1$KSVEKOV8bw3h/H8PgdDaOw$lFjgVmhsGL09IHCMaWIrqbi+7X6isGj/RLt4zmrTTDY",
                "$scrypt$ln=10,r=8,p=1$KSVEKOV8bw3h/H8PgdDaOw$lFjgVmhsGL09IHCMaWIrqbi+7X6isGj/RLt4zmrTTDY",
            ),
        ] {
            let hash = convert(&format!(" {stored}\n")).unwrap();
            assert_eq!(hash, expected, "{stored}");
            PasswordHash::from_stored(hash).inspect().unwrap();
        }
    }

    #[test]
    fn scrypt_parameters_of_ory_kratos_are_n_itself_and_its_base64_is_padded() {
        let [salt, hash] =
            ["2npRo7P03Mt8keSoMbyD/tKFWyUzjiQf2svUaNDSrhA", "MiCzNcIplSMqSBrm4HckjYqYhaVPPjTARTzwB1cVNYE"];
        let stored = format!("$scrypt$ln=16384,r=8,p=1${salt}=${hash}=");
        assert_eq!(convert(&stored).unwrap(), format!("$scrypt$ln=14,r=8,p=1${salt}${hash}"));
        let stored = format!("$pbkdf2-sha256$i=100000,l=32${salt}${hash}");
        assert_eq!(convert(&stored).unwrap(), format!("$pbkdf2-sha256$i=100000${salt}${hash}"));
    }

    #[test]
    fn firebase_hashes_become_a_key_stream_without_the_signer_key() {
        let text = r"hash_config {
          algorithm: SCRYPT,
          base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
          base64_salt_separator: Bw==,
          rounds: 8,
          mem_cost: 14,
        }";
        let salt = base64("42xEC+ixf3L2lw==").unwrap();
        let hash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
        let project = FirebaseProject::parse(text).unwrap();
        let converted = project.hash(&salt, &base64(hash).unwrap()).unwrap();
        let key = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA";
        assert!(converted.starts_with("$firebase-scrypt$ln=14,r=8,p=1$42xEC+ixf3L2lwc$"), "{converted}");
        assert!(!converted.contains(key));
        PasswordHash::from_stored(converted.clone()).inspect().unwrap();
        // Ory Kratos keeps the parameters of the project with each hash.
        let kratos = format!("$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==${hash}$Bw==${key}==");
        assert_eq!(convert(&kratos).unwrap(), converted);
        // The JSON of an Admin SDK, and the URL-safe alphabet.
        let json = format!(
            r#"{{"base64_signer_key":"{}","base64_salt_separator":"Bw","rounds":8,"mem_cost":14}}"#,
            key.replace('+', "-").replace('/', "_")
        );
        let other = FirebaseProject::parse(&json).unwrap();
        assert_eq!(other.hash(&salt, &base64(hash).unwrap()).unwrap(), converted);
    }

    #[test]
    fn firebase_parameters_that_are_incomplete_are_named() {
        let parse = |text: &str| FirebaseProject::parse(text).err().unwrap_or_default();
        assert_eq!(parse(""), "base64_signer_key is missing");
        assert_eq!(parse("base64_signer_key: ?"), "base64_signer_key is not Base64");
        assert_eq!(parse("base64_signer_key: AAAA,\nbase64_salt_separator: Bw==,\nrounds: 8"), "mem_cost is missing");
        let negative = "base64_signer_key: AAAA,base64_salt_separator: Bw==,rounds: 8,mem_cost: -14";
        assert_eq!(parse(negative), "mem_cost is not a whole number");
        assert_eq!(parse("algorithm: HMAC_SHA256"), "the algorithm is not SCRYPT");
    }

    #[test]
    fn weak_hashes_and_plain_text_are_counted_apart() {
        for stored in [
            "8fe4c11451281c094a6578e6ddbf5eed",
            "md5$salt$8fe4c11451281c094a6578e6ddbf5eed",
            "$1$ZUWh8Qkx$zVdkjYHUTmmCGkZWtd39//",
            "$apr1$RzKdOUTN$2xk2yI4E9gNjeX60FS0dI0",
            "{MD5}j+TBFFEoHAlKZXjm3b9e7Q==",
            "$md5$CY9rzUYh03PK3k6DJie09g==",
            "unsalted_md5$$8fe4c11451281c094a6578e6ddbf5eed",
        ] {
            assert_eq!(reason(stored), Reason::Md5Hash, "{stored}");
        }
        for stored in [
            "sha1$XQz2Vr0iCYm7$6935e3c97407d74d8043ba7889e21e9d2014e778",
            "sha256$salt$30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4",
            "30C952FAB122C3F9759F02A6D95C3758B246B4FEE239957B2D4FEE46E26170C4",
            "6935e3c97407d74d8043ba7889e21e9d2014e778",
            "{SSHA}ZZZVakqHHDMeI3iRve4qJ9UMKtKP8Z5T",
            "$5$rounds=535000$/Ogti5c20O2Ulrln$RfvC/BmfnJxO0uij/.OuZyXEp9/NBFuiw7xVsl39YJ9",
            "$6$rounds=656000$uObSB/4gQFB.oOMU$tDuNaqIOfxrldnrkLiyotLxdet9BOTDg8nDtS8ZM8jBs",
        ] {
            assert_eq!(reason(stored), Reason::ShaHash, "{stored}");
        }
        for stored in ["hunter2", "plain$$hunter2", "correct horse battery staple", "gFC1F8BMVe6mU"] {
            assert_eq!(reason(stored), Reason::PlainText, "{stored}");
            assert!(!convert(stored).unwrap_err().detail.contains("hunter"), "{stored}");
        }
        for stored in ["", "  ", "!", "!XRl8vnAWF3to4LMl6LJKtwGRiUp27RRqpY6ELz0t", "*"] {
            assert_eq!(reason(stored), Reason::NoPassword, "{stored}");
        }
    }

    #[test]
    fn other_formats_are_not_supported() {
        for stored in [
            "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuzHTbv0lrj5s03Em7gz6JYOm8SuPUrp.",
            "$bcrypt-sha256$v=2,t=2b,r=4$.MPzjAqM9CrduwpC0FlFfe$eul.GpEGQ66jwz47Jh8v2VKzcZsB0MS",
            "$2x$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW",
            "$P$HgnYH7cQIrp8cShTmLa1s/VbKR1pne0",
            "{PKCS5S2}9Z6zVoqxVkopZQyhNAYgJLboM4ow9d1P3PXqZqamH36yP6LWzQ9qNL8sHd0m8wBf",
            "$p5k2$1ffb8$9p7z_h8jROh9b43xfi_l3A==$zoxmfw5mGL_dtaxziFvvzO1_GOg=",
            "$$",
            "pbkdf2:md5:1000$salt$8fe4c11451281c094a6578e6ddbf5eed",
        ] {
            assert!(matches!(reason(stored), Reason::UnsupportedHash | Reason::MalformedHash), "{stored}");
        }
    }

    #[test]
    fn malformed_hashes_and_parameters_are_refused() {
        for stored in [
            "pbkdf2:sha256$salt$06af",
            "pbkdf2:sha256:-10$salt$06af",
            "pbkdf2:sha256:+10$salt$06af",
            "pbkdf2:sha256:1e6$salt$06af",
            "pbkdf2:sha256:10$salt$06a",
            "pbkdf2:sha256:10$salt$06ag",
            "pbkdf2:sha256:10$salt",
            "pbkdf2:sha256:10$salt$06af$06af",
            "scrypt:32767:8:1$salt$06af",
            "scrypt:0:8:1$salt$06af",
            "scrypt:32768:8$salt$06af",
            "scrypt:32768:8:1:1$salt$06af",
            "pbkdf2_sha256$10$saltsalt$Ck5w1?",
            "$scrypt$ln=10,r=8$AAAA$AAAA",
            "$scrypt$r=8,ln=10,p=1$AAAA$AAAA",
            "$scrypt$ln=10,r=8,p=1,x=1$AAAA$AAAA",
            "$pbkdf2-sha256$i=10$AAAA",
            "$firescrypt$ln=14,r=8,p=1$AAAA$AAAA$Bw==$AAAAAAAA",
        ] {
            assert_eq!(reason(stored), Reason::MalformedHash, "{stored}");
        }
        for stored in [
            "pbkdf2:sha256:99999999999999999999$salt$06af",
            "scrypt:18446744073709551616:8:1$salt$06af",
            "$scrypt$ln=99999999999,r=8,p=1$AAAA$AAAA",
        ] {
            assert_eq!(reason(stored), Reason::ExpensiveHash, "{stored}");
        }
    }
}
