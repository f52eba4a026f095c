//! `app add`, `agent add`, `backup`: they work on the database itself, also while a server does. And `certificate`, which
//! needs no database.

use std::{io::BufRead as _, path::Path};

use beistand_protocol::agent::Role;
use beistand_server::{
    ServerConfig, SystemClock,
    listener::throw_away::{ThrowAway, addresses_of_this_machine, names_of_this_machine},
    manage::Management,
    store::sqlite,
};

use super::{Failure, print_line};

pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

pub(super) fn add_app(config: &ServerConfig, name: &str, key: Option<String>) -> Result<(), Failure> {
    let management = Management::open(config, SystemClock::default())?;
    let key = key.unwrap_or_else(|| management.random_key());
    block_on(management.add_app(name, &key))??;
    print_line(&key)?;
    Ok(())
}

pub(super) fn add_agent(
    config: &ServerConfig,
    name: &str,
    app: Option<&str>,
    role: Role,
    password_stdin: bool,
) -> Result<(), Failure> {
    let given = if password_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        let password = line.trim_end_matches(['\r', '\n']).to_owned();
        if password.is_empty() {
            return Err("standard input has no password".into());
        }
        Some(password)
    } else {
        None
    };
    let management = Management::open(config, SystemClock::default())?;
    let generated = given.is_none();
    let password = given.unwrap_or_else(|| management.random_key());
    block_on(management.add_agent(app, name, &password, role))??;
    if generated {
        print_line(&password)?;
    }
    Ok(())
}

pub(super) fn backup(config: &ServerConfig, file: &Path) -> Result<(), Failure> {
    let database = config.database();
    if !database.exists() {
        return Err(format!("{} does not exist", database.display()).into());
    }
    sqlite::backup(&database, file)?;
    Ok(())
}

/// Makes a throw-away certificate and prints what a script needs: the authority's fingerprint and the addresses.
pub(super) fn make_certificate(folder: &Path, hosts: Vec<String>) -> Result<(), Failure> {
    let hosts = if hosts.is_empty() { names_of_this_machine() } else { hosts };
    let made = ThrowAway::make(&hosts)?;
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("authority.pem"), made.authority)?;
    std::fs::write(folder.join("cert.pem"), made.cert)?;
    write_secret(&folder.join("key.pem"), made.key.as_bytes())?;
    print_line(&format!("fingerprint {}", made.fingerprint))?;
    for address in addresses_of_this_machine() {
        print_line(&format!("address {address}"))?;
    }
    Ok(())
}

/// A file that only its owner may read.
fn write_secret(path: &Path, secret: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, secret)
}
