//! Whether response times reveal what the responses do not, in interleaved samples; and the cost of large input
//! relative to a log-in.

use std::time::Instant;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::{
    password::{Cost, Hasher, Password},
    session::RefreshToken,
    user::PublicId,
};
use testkit::{ADA, GRACE, Service, forge, service::CLIENT};

use crate::{
    figures::Samples,
    process::{Failure, milliseconds},
};

/// Samples of each kind in a comparison.
const ROUNDS: u8 = 200;
/// Last byte of the client's address in the comparison of rate-limited accounts. No round has this number.
const RATE_LIMITED_CLIENT: u8 = 250;

/// Compares response times and prints one line for each comparison.
pub(crate) async fn run() -> Result<(), Failure> {
    let limits = [("THROTTLE_ADDRESS_GUESSES", "0"), ("THROTTLE_ACCOUNT_GUESSES", "0"), ("THROTTLE_PAIR_LOGINS", "0")];
    for profile in ["strict", "tutorial"] {
        let service = Service::with(&[&limits[..], &[("AUTH_PROFILE", profile)]].concat()).await;
        let tokens = service.signed_in(ADA).await;
        let known = json!({ "email": ADA[1], "password": "a wrong guess" });
        let unknown = json!({ "email": "unknown@example.com", "password": "a wrong guess" });
        compare(&service, &format!("{profile}: log-in, wrong password / unknown user"), "/login", || {
            Ok([known.clone(), unknown.clone()])
        })
        .await?;
        disabled(&service, profile, &unknown).await?;
        let token = tokens["token"].as_str().ok_or("a log-in without a token")?;
        let user = forge::payload(token)["sub"].as_str().and_then(PublicId::parse).ok_or("a token without a user")?;
        for path in ["/refresh", "/logout"] {
            let what = format!("{profile}: {path}, forged token of a user / of an unknown user");
            compare(&service, &what, path, || Ok([forged(user)?, forged(PublicId::random())?])).await?;
        }
        rate_limited(&service, profile, [&known, &unknown]).await?;
    }
    for listed in ["", "pbkdf2-sha256:600000,bcrypt:10,scrypt:15:8:1"] {
        let settings = [("AUTH_PROFILE", "strict"), ("LEGACY_HASHES", listed)];
        imported(&Service::with(&[&limits[..], &settings].concat()).await, listed).await?;
    }
    large_input(&Service::with(&limits).await).await
}

/// Hashes of other systems, with a wrong password.
const IMPORTED: [(&str, &str); 4] = [
    ("PBKDF2", "$pbkdf2-sha256$i=600000$S1hhM2RQZzJVcUlQZUpHZg$esd3AV4/yKikFXLkuZLvoPQBWqINhBGazqGVrGJ6uhg"),
    ("weak PBKDF2", "$pbkdf2-sha256$i=29000$DsE4Z4yR0ppT6v3/X4sRAg$RvyIO12v/vSsT4JiuX4L6BkYLjVN3Y0/57H4Llu6SiU"),
    ("bcrypt", "$2b$05$Sjkfis6doKslgyy1Z4VXR.iU//eECjnpMGRn9HNPJu5DSKNpakhZK"),
    ("unusable", "5f4dcc3b5aa765d61d8327deb882cf99"),
];

/// Compares accounts whose hashes were imported with an unknown user. Without a list the times differ.
async fn imported(service: &Service, listed: &str) -> Result<(), Failure> {
    service.sign_up(GRACE).await;
    let [known, unknown] =
        [GRACE[1], "unknown@example.com"].map(|email| json!({ "email": email, "password": "a wrong guess" }));
    for (scheme, hash) in IMPORTED {
        let hash = AttributeValue::S(hash.to_owned());
        service.set("Credentials", ("email", GRACE[1]), "password_hash", hash).await;
        let what = format!("LEGACY_HASHES={listed:?}: log-in, wrong password, {scheme} hash / unknown user");
        compare(service, &what, "/login", || Ok([known.clone(), unknown.clone()])).await?;
    }
    Ok(())
}

/// Compares the right password of a disabled account with an unknown user: first with a current hash, then with one of
/// a quarter of the cost.
async fn disabled(service: &Service, profile: &str, unknown: &Value) -> Result<(), Failure> {
    service.sign_up(GRACE).await;
    let grace = ("email", GRACE[1]);
    service.set("Credentials", grace, "disabled", AttributeValue::Bool(true)).await;
    let right = json!({ "email": GRACE[1], "password": GRACE[2] });
    for (hash, cost) in
        [("current", None), ("outdated", Some(Cost { memory_kib: 9728, iterations: 1, parallelism: 1 }))]
    {
        if let Some(cost) = cost {
            let hash = Hasher::new(cost, 1)?.hash(Password::new(GRACE[2])).await?;
            let hash = AttributeValue::S(hash.as_str().to_owned());
            service.set("Credentials", grace, "password_hash", hash).await;
        }
        let what = format!("{profile}: log-in, right password of a disabled account, {hash} hash / unknown user");
        compare(service, &what, "/login", || Ok([right.clone(), unknown.clone()])).await?;
    }
    Ok(())
}

fn forged(user: PublicId) -> Result<Value, Failure> {
    let token = RefreshToken::new(user).map_err(|_| "no random bytes")?;
    Ok(json!({ "refresh_token": token.to_text() }))
}

async fn large_input(service: &Service) -> Result<(), Failure> {
    service.sign_up(ADA).await;
    for (what, path, size) in [
        ("a password of 1 MB at log-in", "/login", 1_000_000),
        ("a body of 5 MB at log-in", "/login", 5_000_000),
        ("a password of 60 KB at sign-up", "/signup", 60_000),
    ] {
        let large = json!({ "name": "Ada", "email": ADA[1], "password": "a".repeat(size) });
        let ordinary = json!({ "email": ADA[1], "password": ADA[2] });
        let [mut large_times, mut ordinary_times] = <[Samples; 2]>::default();
        for round in 1..=30 {
            large_times.push(time(service, round, path, &large).await?);
            ordinary_times.push(time(service, round, "/login", &ordinary).await?);
        }
        report(&format!("{what} / an ordinary log-in"), &large_times, &ordinary_times);
    }
    Ok(())
}

/// Milliseconds of one call. Each round has its own client address, so that no address is rate-limited.
async fn time(service: &Service, round: u8, path: &str, body: &Value) -> Result<f64, Failure> {
    let request = service.request(Method::POST, path).header(CLIENT, format!("192.0.2.{round}")).json(body);
    let started = Instant::now();
    request.send().await?.bytes().await?;
    Ok(milliseconds(started.elapsed()))
}

async fn compare(
    service: &Service,
    what: &str,
    path: &str,
    bodies: impl Fn() -> Result<[Value; 2], Failure>,
) -> Result<(), Failure> {
    let mut times = <[Samples; 2]>::default();
    for round in 1..=ROUNDS {
        let bodies = bodies()?;
        // The order alternates, so that neither kind always comes first.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for place in order {
            times[place].push(time(service, round, path, &bodies[place]).await?);
        }
    }
    report(what, &times[0], &times[1]);
    Ok(())
}

/// Rate-limits both accounts for one client address, and then compares the responses.
async fn rate_limited(service: &Service, profile: &str, bodies: [&Value; 2]) -> Result<(), Failure> {
    for body in bodies {
        for _ in 0..6 {
            time(service, RATE_LIMITED_CLIENT, "/login", body).await?;
        }
    }
    let [mut known, mut unknown] = <[Samples; 2]>::default();
    for _ in 0..ROUNDS {
        known.push(time(service, RATE_LIMITED_CLIENT, "/login", bodies[0]).await?);
        unknown.push(time(service, RATE_LIMITED_CLIENT, "/login", bodies[1]).await?);
    }
    report(&format!("{profile}: rate-limited, known / unknown account"), &known, &unknown);
    Ok(())
}

fn report(what: &str, first: &Samples, second: &Samples) {
    let (first, second) = (first.median(), second.median());
    println!("{what}: {first:.2} ms / {second:.2} ms, ratio {:.3}", first / second);
}
