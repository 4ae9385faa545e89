//! Time to sign and to verify an access token, for each algorithm.

use std::{hint::black_box, time::Duration};

use shared::{
    config::clock::Clock,
    domain::{
        deployment::Deployment,
        keys::{Algorithm, Jwk, JwkSet, SigningKeySet},
        session::RefreshToken,
        time::UnixSeconds,
        token::{ClaimSelection, Grant, Issuer, IssuerConfig, TokenBinding, Verifier, VerifierConfig},
        user::PublicId,
    },
};

use crate::{
    figures::Samples,
    process::{Failure, microseconds_per_run},
};

const ROUNDS: usize = 5;
const RUNS_PER_ROUND: u32 = 200;
const ISSUER: &str = "https://auth.example.com";

/// The keys and the verifier of one algorithm, and its measurements.
struct Subject {
    algorithm: Algorithm,
    keys: SigningKeySet,
    verifier: Verifier,
    signing: Samples,
    verification: Samples,
}

/// Measures all algorithms in turn in each round, and prints a line for each.
pub(crate) fn run() -> Result<(), Failure> {
    let issuer = Issuer::new(IssuerConfig {
        issuer: ISSUER.to_owned(),
        audience: Vec::new(),
        lifetime: Duration::from_secs(900),
        not_before_delay: Duration::ZERO,
        user_claims: ClaimSelection::default(),
    });
    let user = PublicId::random();
    let session = TokenBinding::Session(RefreshToken::new(user).map_err(|_| "no random bytes")?.session());
    let mut subjects = Algorithm::ALL.into_iter().map(Subject::new).collect::<Result<Vec<_>, _>>()?;
    for _ in 0..ROUNDS {
        for Subject { keys, verifier, signing, verification, .. } in &mut subjects {
            let now = Clock::system().now().seconds();
            let issue =
                || issuer.issue(keys.signer(UnixSeconds::new(2), Duration::ZERO), Grant::new(user, session), now);
            let (token, _) = issue()?;
            verifier.verify(&token, keys.as_ref(), now)?;
            signing.push(microseconds_per_run(RUNS_PER_ROUND, || drop(black_box(issue()))));
            verification.push(microseconds_per_run(RUNS_PER_ROUND, || {
                drop(black_box(verifier.verify(&token, keys.as_ref(), now)));
            }));
        }
    }
    println!("microseconds, median of {ROUNDS} rounds of {RUNS_PER_ROUND}");
    println!("{:<8}{:>10}{:>10}", "", "sign", "verify");
    for subject in &subjects {
        let (sign, verify) = (subject.signing.median(), subject.verification.median());
        println!("{:<8}{sign:>10.1}{verify:>10.1}", subject.algorithm.name());
    }
    Ok(())
}

impl Subject {
    fn new(algorithm: Algorithm) -> Result<Self, Failure> {
        let key = Jwk::generate(algorithm, UnixSeconds::new(1)).map_err(|_| "no key was generated")?;
        let keys = SigningKeySet::parse(&JwkSet::new(vec![key]).to_json(), algorithm, Deployment::Aws)?;
        let config = VerifierConfig {
            issuer: ISSUER.to_owned(),
            audience: None,
            leeway: Duration::from_secs(5),
            nbf: true,
            iat: true,
            required: Vec::new(),
        };
        let verifier = Verifier::new(algorithm, config);
        Ok(Self { algorithm, keys, verifier, signing: Samples::default(), verification: Samples::default() })
    }
}
