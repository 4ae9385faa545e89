//! Hashes at the limits of [`HashScheme`](super::HashScheme), which tests check and the benchmark measures.

use super::PasswordHash;

const SALT: &str = "MDEyMzQ1Njc4OWFiY2RlZg";
const HASH: &str = "nir0Dzthw1rgA7wvDsDpshlKNPFZWweEDDaCo5ELghU";

/// The algorithm and the parameters, as in the text of a hash.
const PHC: [&str; 16] = [
    "argon2id$v=19$m=262144,t=4,p=1",
    "argon2i$v=19$m=262144,t=4,p=16",
    "argon2d$v=16$m=128,t=8192,p=16",
    "argon2id$v=19$m=8,t=131072,p=1",
    // Half of the work is finding addresses.
    "argon2i$v=19$m=8,t=131072,p=1",
    // Two blocks of output.
    "pbkdf2-sha1$i=1000000",
    "pbkdf2-sha256$i=2000000",
    "pbkdf2-sha512$i=2000000",
    "scrypt$ln=17,r=8,p=1",
    "scrypt$ln=20,r=1,p=1",
    "scrypt$ln=14,r=64,p=1",
    "scrypt$ln=14,r=1,p=64",
    "scrypt$ln=8,r=64,p=64",
    // PBKDF2 takes most of the time.
    "scrypt$ln=1,r=64,p=64",
    "firebase-scrypt$ln=14,r=8,p=8",
    "firebase-scrypt$ln=8,r=64,p=64",
];

/// A hash of each shape at the highest cost that is verified: its algorithm with the parameters, and the whole.
pub fn highest_costs() -> impl Iterator<Item = (&'static str, PasswordHash)> {
    let bcrypt = ("2b$14", "$2b$14$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC".to_owned());
    let phc = PHC.into_iter().map(|start| (start, format!("${start}${SALT}${HASH}")));
    phc.chain([bcrypt]).map(|(start, text)| (start, PasswordHash::from_stored(text)))
}
