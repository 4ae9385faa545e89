//! Peers: comparable programs under Lambda's runtime clients for Python and Node, and cargo lambda's template.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, ErrorKind},
    iter,
    path::{Path, PathBuf, absolute},
    process::Command,
};

use crate::process::{Failure, Program};

type Outcome<T> = Result<T, Failure>;

/// Directory of the peers' programs and their pinned versions.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// An installed peer.
pub(crate) struct Peer {
    /// Name in the table.
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    /// Status of its response to a request without a token.
    pub(crate) status: u64,
    /// A file that a new instance would not have.
    pub(crate) leftover: Option<PathBuf>,
}

/// Installs all peers into `folder`, from crates.io, PyPI and npm, again only after the pinned versions change.
pub(crate) fn install(folder: &Path) -> Outcome<Vec<Peer>> {
    let folder = absolute(folder)?;
    Ok(vec![
        install_template(&folder.join("template"))?,
        install_express(&folder.join("express"))?,
        install_flask(&folder.join("flask"))?,
    ])
}

/// The template is not a member of the workspace: cargo would unify its features of `lambda_http` with those of the
/// functions.
fn install_template(folder: &Path) -> Outcome<Peer> {
    let sources = Path::new(SOURCES).join("template");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The same versions as the functions.
    let lock = Path::new(SOURCES).join("../../../Cargo.lock");
    let mut pins = run(Command::new(&cargo).arg("--version"))?;
    for file in [&sources.join("Cargo.toml"), &sources.join("src/main.rs"), &lock] {
        pins += &read(file)?;
    }
    install_once(folder, &pins, || {
        fs::create_dir_all(folder.join("src"))?;
        copy(&sources.join("Cargo.toml"), &folder.join("Cargo.toml"))?;
        copy(&sources.join("src/main.rs"), &folder.join("src/main.rs"))?;
        copy(&lock, &folder.join("Cargo.lock"))?;
        run(Command::new(&cargo).args(["build", "--release", "--target-dir", "target"]).current_dir(folder))?;
        Ok(())
    })?;
    let program = Program::new("template", &folder.join("target/release"));
    Ok(Peer { name: "cargo lambda's template", program, status: 200, leftover: None })
}

fn install_flask(folder: &Path) -> Outcome<Peer> {
    let sources = Path::new(SOURCES).join("flask");
    let environment = folder.join("venv");
    let python = environment.join("bin/python");
    // A virtual environment depends on its interpreter.
    let pins = run(Command::new("python3").arg("--version"))? + &read(&sources.join("requirements.txt"))?;
    install_once(folder, &pins, || make_environment(&environment, &sources.join("requirements.txt")))?;
    copy(&sources.join("app.py"), &folder.join("app.py"))?;
    // pip compiles the packages. The program is compiled too, as in a deployment; otherwise each start would do it.
    run(Command::new(&python).args(["-m", "compileall", "-q", "app.py"]).current_dir(folder))?;
    let database = folder.join("users.db");
    let program = Program {
        file: python,
        arguments: ["-m", "awslambdaric", "app.handler"].map(OsString::from).into(),
        directory: folder.to_owned(),
        variables: Vec::new(),
    };
    let program = program
        .with([("DATABASE", database.display().to_string()), ("LAMBDA_TASK_ROOT", folder.display().to_string())]);
    // The /tmp of a new instance is empty.
    Ok(Peer { name: "Flask, Python", program, status: 401, leftover: Some(database) })
}

fn install_express(folder: &Path) -> Outcome<Peer> {
    let sources = Path::new(SOURCES).join("express");
    let node = PathBuf::from(run(Command::new("node").args(["-p", "process.execPath"]))?.trim());
    let pins = run(Command::new(&node).arg("--version"))?
        + &read(&sources.join("package.json"))?
        + &read(&sources.join("build-requirements.txt"))?;
    install_once(folder, &pins, || {
        let tools = folder.join("tools");
        make_environment(&tools, &sources.join("build-requirements.txt"))?;
        copy(&sources.join("package.json"), &folder.join("package.json"))?;
        let path = env::var_os("PATH").unwrap_or_default();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"])
            .env("PATH", env::join_paths(iter::once(tools.join("bin")).chain(env::split_paths(&path)))?)
            .current_dir(folder);
        // Node is usually installed with its headers, but node-gyp downloads them unless it knows their path.
        let prefix = node.parent().and_then(Path::parent);
        if let Some(prefix) = prefix.filter(|prefix| prefix.join("include/node/node_api.h").exists())
            && env::var_os("npm_config_nodedir").is_none()
        {
            npm.env("npm_config_nodedir", prefix);
        }
        run(&mut npm)?;
        Ok(())
    })?;
    copy(&sources.join("app.mjs"), &folder.join("app.mjs"))?;
    let program = Program {
        file: node,
        arguments: vec![folder.join("node_modules/aws-lambda-ric/index.mjs").into()],
        directory: folder.to_owned(),
        variables: Vec::new(),
    };
    // The runtime client requires these variables, which Lambda sets, to start and to deliver the first event.
    let program = program.with([
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/express".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "express".to_owned()),
        ("LAMBDA_TASK_ROOT", folder.display().to_string()),
        ("NODE_ENV", "production".to_owned()),
        ("_HANDLER", "app.handler".to_owned()),
    ]);
    Ok(Peer { name: "Express, Node", program, status: 401, leftover: None })
}

/// Creates a virtual environment of Python with the packages in `requirements`.
fn make_environment(environment: &Path, requirements: &Path) -> Outcome<()> {
    run(Command::new("python3").args(["-m", "venv"]).arg(environment))?;
    run(Command::new(environment.join("bin/python"))
        .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", "--requirement"])
        .arg(requirements))?;
    Ok(())
}

/// Empties `folder` and runs `fill`, unless it was filled with the same pins.
fn install_once(folder: &Path, pins: &str, fill: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    let marker = folder.join("installed");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == pins) {
        return Ok(());
    }
    eprintln!("Installing {}", folder.display());
    remove_if_there(fs::remove_dir_all(folder), folder)?;
    fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    fill()?;
    // Written last, so that an interrupted installation is repeated.
    fs::write(&marker, pins).map_err(|error| format!("cannot write {}: {error}", marker.display()).into())
}

/// Runs a command and returns its standard output.
fn run(command: &mut Command) -> Outcome<String> {
    let words = iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let output = command.output().map_err(|error| format!("cannot run `{line}`: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(printed.into_owned());
    }
    // venv reports errors on standard output, pip and npm on standard error.
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{line}` failed ({})\n{printed}{errors}", output.status).into())
}

fn read(file: &Path) -> Outcome<String> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()).into())
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::copy(from, to).map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))?;
    Ok(())
}

fn remove_if_there(removed: io::Result<()>, path: &Path) -> Outcome<()> {
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", path.display()).into())
        }
        _ => Ok(()),
    }
}
