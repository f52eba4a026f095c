//! The command line. Flags win over environment variables (clap's part), both over the file (this module's part).
//! Standard output belongs to what a script reads: the address, a key, a password. Everything else goes to standard
//! error. Exit codes: 0 done, 1 failed, 2 bad usage or a wrong setting.

mod faq;
mod key;
mod manage;
mod serve;

use std::{path::PathBuf, process::ExitCode};

use beistand_protocol::agent::Role;
use beistand_server::{
    ServerConfig,
    config::{ConfigError, LogFormat},
};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// The reference server of Beistand.
#[derive(Parser)]
#[command(name = "beistand-server", version, about)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Settings {
    /// Where to listen, host:port; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDR", env = "BEISTAND_SERVER_LISTEN")]
    listen: Option<String>,
    /// The chain of certificates in PEM; with it and --tls-key the server speaks TLS
    #[arg(long, global = true, value_name = "FILE", env = "BEISTAND_SERVER_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The private key in PEM
    #[arg(long, global = true, value_name = "FILE", env = "BEISTAND_SERVER_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// The folder of the database [default: data]
    #[arg(long, global = true, value_name = "DIR", env = "BEISTAND_SERVER_DATA")]
    data: Option<PathBuf>,
    /// A TOML file with settings
    #[arg(long, global = true, value_name = "FILE", env = "BEISTAND_SERVER_CONFIG")]
    config: Option<PathBuf>,
    /// How log lines look [default: text]
    #[arg(long, global = true, value_name = "FORMAT", env = "BEISTAND_SERVER_LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged, such as `warn` or `beistand_server=debug` [default: info]
    #[arg(long, global = true, value_name = "FILTER", env = "RUST_LOG")]
    log: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until told to stop
    Serve {
        /// Set a shop up with sample data if the folder is empty: app key `demo`, agents Deniz and Aylin
        #[arg(long)]
        demo: bool,
    },
    /// Apps
    #[command(subcommand)]
    App(AppCommand),
    /// Agents
    #[command(subcommand)]
    Agent(AgentCommand),
    /// The FAQ: articles are files, imported and then published
    #[command(subcommand)]
    Faq(faq::FaqCommand),
    /// Keys that tokens of an app's backend are held against
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Make a throw-away authority and a certificate for this machine, to try TLS with devices in the same network
    Certificate {
        /// The folder for authority.pem, cert.pem and key.pem; made if missing
        folder: PathBuf,
        /// A name or an address of the server; may be repeated [default: this machine's]
        #[arg(long, value_name = "HOST")]
        host: Vec<String>,
    },
    /// Copy the database, also while a server works on it
    Backup {
        /// The copy; must not exist yet
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum AppCommand {
    /// Make an app and print its key
    Add {
        /// Its name, as in `[apps.<name>]` of the configuration
        name: String,
        /// Its key; a random one if not given
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Subcommand)]
enum AgentCommand {
    /// Make an agent; prints a generated password unless one is given
    Add {
        /// The name that persons see, and that the agent signs in with
        name: String,
        /// The key of the app; needed if there is more than one
        #[arg(long)]
        app: Option<String>,
        /// What the agent may do
        #[arg(long, default_value = "agent")]
        role: RoleName,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Agent,
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Agent => Self::Agent,
            RoleName::Admin => Self::Admin,
        }
    }
}

impl Settings {
    fn into_config(self) -> Result<ServerConfig, ConfigError> {
        let mut config = match &self.config {
            Some(file) => ServerConfig::from_file(file)?,
            None => ServerConfig::default(),
        };
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(cert) = self.tls_cert {
            config.tls_cert = Some(cert);
        }
        if let Some(key) = self.tls_key {
            config.tls_key = Some(key);
        }
        if let Some(data) = self.data {
            config.data = data;
        }
        if let Some(format) = self.log_format {
            config.log_format = format;
        }
        if let Some(log) = self.log {
            config.log = log;
        }
        config.validate()?;
        Ok(config)
    }
}

fn start_log(config: &ServerConfig) -> Result<(), ConfigError> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .map_err(|error| ConfigError { key: "log".into(), reason: error.to_string() })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    match config.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

/// The exit code of a wrong setting, the same as clap's for a wrong flag.
const WRONG_SETTING: u8 = 2;

#[expect(clippy::print_stderr, reason = "the last words of a command line tool go there")]
pub(crate) fn run() -> ExitCode {
    let Cli { settings, command } = Cli::parse();
    let config = match settings.into_config().and_then(|config| start_log(&config).map(|()| config)) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(WRONG_SETTING);
        }
    };
    let done = match command {
        Command::Serve { demo } => serve::serve(config, demo),
        Command::App(AppCommand::Add { name, key }) => manage::add_app(&config, &name, key),
        Command::Agent(AgentCommand::Add { name, app, role, password_stdin }) => {
            manage::add_agent(&config, &name, app.as_deref(), role.into(), password_stdin)
        }
        Command::Faq(command) => faq::run(&config, command),
        Command::Key(command) => key::run(&config, command),
        Command::Certificate { folder, host } => manage::make_certificate(&folder, host),
        Command::Backup { file } => manage::backup(&config, &file),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if error.is::<ConfigError>() { WRONG_SETTING } else { 1 })
        }
    }
}

/// Anything that ends a command with a sentence.
type Failure = Box<dyn std::error::Error>;

/// One line that a script reads.
fn print_line(line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
