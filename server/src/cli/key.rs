//! `key …`: what tokens of an app's backend are held against. `add`, `list` and `revoke` work on the database itself,
//! also while a server does; `token` plays the backend and needs no database. No secret is ever printed.

use std::path::{Path, PathBuf};

use beistand_server::{
    Clock as _, ServerConfig, SystemClock,
    identity::{self, Algorithm, Claims, KeyMaterial, SigningKey},
    manage::Management,
};
use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, manage::block_on, print_line};

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Add a key; an app has two active ones at most
    Add {
        #[command(flatten)]
        app: App,
        /// Its name, in the header of tokens; letters, digits, dots, dashes and underscores
        #[arg(long, value_name = "NAME")]
        kid: String,
        /// How tokens are signed
        #[arg(long, value_name = "ALG")]
        alg: AlgorithmName,
        #[command(flatten)]
        source: Source,
    },
    /// List the keys: name, algorithm, active or revoked
    List {
        #[command(flatten)]
        app: App,
    },
    /// End a key at once; persons who have logged in stay so
    Revoke {
        /// Its name
        kid: String,
        #[command(flatten)]
        app: App,
    },
    /// Print a token, as the app's backend would sign it: to try a key out
    Token {
        /// The key of the app
        #[arg(long, value_name = "KEY")]
        app: String,
        /// The name of the key
        #[arg(long, value_name = "NAME")]
        kid: String,
        /// How to sign
        #[arg(long, value_name = "ALG", default_value = "HS256")]
        alg: AlgorithmName,
        #[command(flatten)]
        source: SigningSource,
        /// The user
        #[arg(long, value_name = "USER")]
        sub: String,
        /// What agents call the user
        #[arg(long)]
        name: Option<String>,
        /// How long it is good, from 1 to 3600
        #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(i64).range(1..=3600))]
        seconds: i64,
    },
}

#[derive(Args)]
pub(super) struct App {
    /// The key of the app; needed if there is more than one
    #[arg(long = "app", value_name = "KEY")]
    key: Option<String>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// The public key in PEM, for EdDSA and ES256
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// A file with the secret, for HS256: 32 bytes at least, without the line break at its end
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct SigningSource {
    /// The private key in PEM (PKCS #8), for EdDSA and ES256
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// A file with the secret, for HS256
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum AlgorithmName {
    #[value(name = "EdDSA")]
    EdDsa,
    #[value(name = "ES256")]
    Es256,
    #[value(name = "HS256")]
    Hs256,
}

impl From<AlgorithmName> for Algorithm {
    fn from(name: AlgorithmName) -> Self {
        match name {
            AlgorithmName::EdDsa => Self::EdDsa,
            AlgorithmName::Es256 => Self::Es256,
            AlgorithmName::Hs256 => Self::Hs256,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}

/// A sentence about a file, without a byte of it.
fn about(path: &Path, fault: &dyn std::error::Error) -> Failure {
    format!("{}: {fault}", path.display()).into()
}

fn other_source(algorithm: Algorithm, flag: &str) -> Failure {
    format!("{} needs {flag}", algorithm.name()).into()
}

pub(super) fn run(config: &ServerConfig, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Add { app, kid, alg, source } => {
            let material = material(alg.into(), &source)?;
            block_on(manage(config)?.add_identity_key(app.key.as_deref(), &kid, material))??;
        }
        KeyCommand::List { app } => {
            for key in block_on(manage(config)?.identity_keys(app.key.as_deref()))?? {
                let state = if key.revoked_at.is_some() { "revoked" } else { "active" };
                print_line(&format!("{} {} {state}", key.kid, key.algorithm.name()))?;
            }
        }
        KeyCommand::Revoke { kid, app } => {
            block_on(manage(config)?.revoke_identity_key(app.key.as_deref(), &kid))??;
        }
        KeyCommand::Token { app, kid, alg, source, sub, name, seconds } => {
            let key = signing_key(alg.into(), &source)?;
            let claims = Claims { name, ..Claims::new(&app, &sub, SystemClock::default().now(), seconds) };
            print_line(&identity::mint(&key, &kid, &claims)?)?;
        }
    }
    Ok(())
}

fn manage(config: &ServerConfig) -> Result<Management, Failure> {
    Ok(Management::open(config, SystemClock::default())?)
}

fn material(algorithm: Algorithm, source: &Source) -> Result<KeyMaterial, Failure> {
    match (algorithm, &source.public_key, &source.secret_file) {
        (Algorithm::Hs256, None, Some(path)) => {
            KeyMaterial::from_secret(&read(path)?).map_err(|fault| about(path, &fault))
        }
        (Algorithm::Hs256, ..) => Err(other_source(algorithm, "--secret-file")),
        (_, Some(path), None) => {
            KeyMaterial::from_public_pem(algorithm, &read(path)?).map_err(|fault| about(path, &fault))
        }
        _ => Err(other_source(algorithm, "--public-key")),
    }
}

fn signing_key(algorithm: Algorithm, source: &SigningSource) -> Result<SigningKey, Failure> {
    match (algorithm, &source.private_key, &source.secret_file) {
        (Algorithm::Hs256, None, Some(path)) => {
            SigningKey::from_secret(&read(path)?).map_err(|fault| about(path, &fault))
        }
        (Algorithm::Hs256, ..) => Err(other_source(algorithm, "--secret-file")),
        (_, Some(path), None) => {
            SigningKey::from_private_pem(algorithm, &read(path)?).map_err(|fault| about(path, &fault))
        }
        _ => Err(other_source(algorithm, "--private-key")),
    }
}
