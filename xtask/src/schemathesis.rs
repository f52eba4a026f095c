//! Schemathesis against the running server: it reads `/openapi.json` and tries what the description allows and what it
//! does not. No answer may be a 5xx or undocumented.
//!
//! The settings stand in `tests/conformance/schemathesis/`; this starts the server, gets a phone's credential and an
//! agent's session from it, and hands them over.

use std::process::Command;

use crate::{
    parts::{Fault, Run},
    process::{self, Scratch},
    server::Server,
    setup,
};

/// The pinned Python packages.
const REQUIREMENTS: &str = "xtask/requirements.txt";

/// A phone that registers with a new server: any id and any secret will do.
const DEVICE: &str = "01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f";
const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// The sample data's app and one of its agents.
const APP_KEY: &str = "demo";
const SIGN_IN: &str = r#"{"name":"Deniz","password":"demo"}"#;

/// Runs the check; needs a built server.
pub fn check(_run: &mut Run) -> Result<(), Fault> {
    let root = process::root();
    let python = setup::python_environment(&root.join(REQUIREMENTS))?;
    let scratch = Scratch::new("schemathesis")?;
    let server = Server::start(&scratch.path().join("server"), 0, &scratch.path().join("server.log"), &[])?;
    let url = server.url().to_owned();
    register(&url)?;
    let session = sign_in(&url)?;
    let mut command = Command::new(python.join("bin/st"));
    command.current_dir(&root).args(["run", &format!("{url}/openapi.json")]);
    command.env("BEISTAND_DEVICE_TOKEN", format!("{DEVICE}.{SECRET}")).env("BEISTAND_SESSION", session);
    process::run(&mut command)?;
    Ok(server.stop()?)
}

fn register(url: &str) -> Result<(), String> {
    let request = minreq::put(format!("{url}/v1/devices/{DEVICE}")).with_header("x-app-key", APP_KEY);
    let request = request.with_header("content-type", "application/json");
    let answer = request.with_body(format!(r#"{{"secret":"{SECRET}"}}"#)).send();
    match answer.map_err(|error| format!("the server does not answer: {error}"))? {
        answer if answer.status_code / 100 == 2 => Ok(()),
        answer => Err(format!("a phone cannot register: {} {}", answer.status_code, answer.as_str().unwrap_or("…"))),
    }
}

/// The value of the session cookie.
fn sign_in(url: &str) -> Result<String, String> {
    let request = minreq::post(format!("{url}/v1/agent/session")).with_header("x-app-key", APP_KEY);
    let answer = request.with_header("content-type", "application/json").with_body(SIGN_IN).send();
    let answer = answer.map_err(|error| format!("the server does not answer: {error}"))?;
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    cookie.map(str::to_owned).ok_or_else(|| format!("an agent cannot sign in: {}", answer.status_code))
}
