//! `cargo run -p local`: runs Postern locally.

use std::{
    env,
    ffi::OsString,
    io,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    process::ExitCode,
};

use aws_config::{BehaviorVersion, SdkConfig};
use axum::http::Uri;
use clap::{Parser, error::ErrorKind};
use local::{
    cors::{self, AllowedOrigin},
    database, service,
};
use shared::{
    aws::store,
    config::{SecurityProfile, Settings, Tables, clock::Clock, is_loopback_url, log_level},
    domain::user::EmailDomain,
    http::{
        lambda::StartError,
        telemetry::logging::{self, Format},
    },
};
use tokio::{
    net::TcpListener,
    signal::{
        ctrl_c,
        unix::{SignalKind, signal},
    },
};

/// Run Postern locally: the HTTP API and its pages on one port, and an embedded DynamoDB on another.
///
/// The settings are the environment variables of the deployed functions. See docs/reference/configuration.md.
#[derive(Parser)]
#[command(name = "local", version, max_term_width = 100)]
struct Options {
    /// Port of the API. 0 selects a free port.
    #[arg(long, default_value_t = 3000, value_name = "PORT")]
    port: u16,
    /// Port of the embedded DynamoDB. 0 selects a free port.
    #[arg(long, default_value_t = 8000, value_name = "PORT", conflicts_with = "dynamodb_endpoint")]
    dynamodb_port: u16,
    /// IP address of the embedded DynamoDB. For `sam local` on Linux it must be reachable from Docker containers,
    /// such as 172.17.0.1.
    #[arg(
        long,
        default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST),
        value_name = "ADDRESS",
        conflicts_with = "dynamodb_endpoint"
    )]
    dynamodb_host: IpAddr,
    /// File of the embedded DynamoDB. By default the data is in memory and lost when the process ends.
    #[arg(long, value_name = "FILE", conflicts_with = "dynamodb_endpoint")]
    data: Option<PathBuf>,
    /// Run only the embedded DynamoDB with its tables, for `cargo lambda watch` and `sam local`.
    #[arg(long, conflicts_with = "dynamodb_endpoint")]
    dynamodb_only: bool,
    /// Let web apps of these origins call the API (CORS), like the parameter CorsAllowOrigin of the stack. Repeat it or
    /// separate origins by commas; "*" allows all.
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', conflicts_with = "dynamodb_only")]
    cors_allow_origin: Vec<AllowedOrigin>,
    /// Use this DynamoDB instead of the embedded one. Missing tables are created if it runs on this machine.
    #[arg(long, value_name = "URL", value_parser = parse_endpoint)]
    dynamodb_endpoint: Option<String>,
}

fn parse_endpoint(url: &str) -> Result<String, String> {
    let parsed = url
        .parse::<Uri>()
        .ok()
        .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    parsed.map(|_| url.to_owned()).ok_or_else(|| "must be a URL such as http://127.0.0.1:8000".to_owned())
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            eprintln!("local: {first}; see --help");
            return ExitCode::from(2);
        }
    };
    logging::start(Format::Text, log_level().as_deref());
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local: {}", shared::domain::error_chain::causes(&*error).replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

/// Serves until Ctrl-C or SIGTERM.
async fn run(options: Options) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (endpoint, embedded) = if let Some(url) = &options.dynamodb_endpoint {
        (url.clone(), None)
    } else {
        let listener = bind(options.dynamodb_host, options.dynamodb_port, "--dynamodb-port").await?;
        (format!("http://{}", listener.local_addr()?), Some((listener, database::open(options.data.as_deref())?)))
    };
    let settings = service::settings(variable, &endpoint)?;
    if let Some((listener, database)) = embedded {
        tokio::spawn(database::serve(listener, database));
    }
    tokio::select! {
        outcome = serve(&options, &settings, &endpoint) => outcome,
        _ = ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn serve(options: &Options, settings: &Settings, endpoint: &str) -> Result<(), StartError> {
    let listener = if options.dynamodb_only {
        None
    } else {
        Some(bind(Ipv4Addr::LOCALHOST.into(), options.port, "--port").await?)
    };
    let is_local = options.dynamodb_endpoint.is_none() || is_loopback_url(endpoint);
    let client = store::connect(&connection(endpoint, is_local).await);
    if is_local {
        database::create_tables(&client, settings).await?;
    }
    let Some(listener) = listener else {
        describe_database(options, settings, endpoint)?;
        return std::future::pending().await;
    };
    let router = service::router(settings, client, Clock::system()).await?;
    println!("Pages on http://{}/", listener.local_addr()?);
    println!("API on http://{}", listener.local_addr()?);
    describe_database(options, settings, endpoint)?;
    print_commands(settings, &format!("http://{}", listener.local_addr()?));
    print_notes(settings)?;
    Ok(service::serve(listener, cors::allow_origins(router, &options.cors_allow_origin)).await?)
}

async fn bind(address: IpAddr, port: u16, option: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind((address, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} is in use; choose another with {option}, or 0 for a free port").into()
        }
        _ => format!(
            "cannot listen on {address}, port {port} ({error}); choose another port with {option}, or 0 for a free port"
        )
        .into(),
    })
}

/// A remote database requires the AWS credentials and the region of this machine.
async fn connection(endpoint: &str, is_local: bool) -> SdkConfig {
    if is_local {
        database::connection(endpoint).await
    } else {
        aws_config::defaults(BehaviorVersion::latest()).endpoint_url(endpoint).load().await
    }
}

fn describe_database(options: &Options, settings: &Settings, endpoint: &str) -> Result<(), StartError> {
    let storage = match (&options.dynamodb_endpoint, &options.data) {
        (Some(_), _) => "not embedded".to_owned(),
        (None, Some(file)) => format!("in {}", file.display()),
        (None, None) => "in memory".to_owned(),
    };
    let Tables { users, credentials, sessions, throttle } = settings.all_tables()?;
    println!("DynamoDB on {endpoint} ({storage}; tables {users}, {credentials}, {sessions} and {throttle})");
    Ok(())
}

/// Prints three commands for a POSIX shell. If listing requires a group, the third one reads the user's own record.
/// While sign-up is closed there is no first one, and the second one needs the address and the password of a user.
fn print_commands(settings: &Settings, api: &str) {
    let call = &settings.log_in;
    let list = if settings.list_users_group.is_some() { "/user/me" } else { "/user" };
    let form = |field: &str, value: &str| quoted(&format!("{field}={value}"));
    let domain = settings.sign_up.domains.first().map_or("example.com", EmailDomain::as_str);
    let (mut email, mut password) = (format!("ada@{domain}"), "correct horse battery staple");
    if settings.sign_up.is_open {
        println!("\nTry it:\n");
        println!(
            "curl {api}/signup -F {} -F {} -F {}",
            form("name", "Ada Lovelace"),
            form("email", &email),
            form("password", password)
        );
    } else {
        println!("\nSign-up is closed. With the address and the password of a user, try:\n");
        (email, password) = ("ADDRESS".to_owned(), "PASSWORD");
    }
    println!(
        "TOKEN=$(curl -s {api}{} --data-urlencode {} --data-urlencode {} \
         | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/')",
        call.path,
        form(&call.email_field, &email),
        form(&call.password_field, password)
    );
    println!("curl {api}{list} -H \"x-access-token: $TOKEN\"");
}

/// Prints what differs from a deployment: at most one line each for the key and for the rules.
fn print_notes(settings: &Settings) -> Result<(), StartError> {
    let mut notes = Vec::new();
    if !service::has_key(variable) {
        notes.push(
            "JWT_SECRET_KEY is not set: tokens are signed with a random key and invalid after a restart.".to_owned(),
        );
    }
    let mut relaxed = [settings.signup()?.relaxed_rules, settings.login()?.relaxed_rules].concat();
    relaxed.extend(settings.list_users_beside_login()?.relaxed_rules);
    if settings.responses.profile == SecurityProfile::Tutorial {
        notes.push(
            "The tutorial profile is active; AUTH_PROFILE=strict has stricter defaults (docs/concepts/profiles.md)."
                .to_owned(),
        );
    } else if !relaxed.is_empty() {
        relaxed.sort_unstable();
        relaxed.dedup();
        notes.push(format!("These settings are weaker than recommended: {}.", relaxed.join(", ")));
    }
    if !notes.is_empty() {
        println!("\n{}", notes.join("\n"));
    }
    Ok(())
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "the defaults of this program are added to the environment")]
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}

/// Quotes a text as one word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
