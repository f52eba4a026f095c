//! The real server as a process of its own, on loopback, without rate limits; ends with this value, by its handle.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Failure;

/// The key of the app that every measure speaks to.
pub const APP: &str = "bench";
/// The agent who answers.
pub const AGENT: &str = "Bench";
const PASSWORD: &str = "only on loopback, only for minutes";

const CONFIG: &str = "\
log = \"warn\"
[limits]
burst = 0
writes_per_minute = 0
registration_burst = 0
registrations_per_minute = 0
sign_in_burst = 0
sign_ins_per_minute = 0
[connections]
per_address = 0
";

/// A running server.
pub struct Server {
    child: Child,
    /// Its address.
    pub url: String,
    /// `host:port`.
    pub address: String,
    /// The authority to trust, in PEM, if it speaks TLS.
    pub authority: Option<String>,
}

/// Where the server's program lies: beside this one.
fn program() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name(format!("beistand-server{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() { Ok(path) } else { Err(format!("{} is not built", path.display()).into()) }
}

impl Server {
    /// Makes an app and an agent in a new folder, and starts on a free port.
    pub fn start(folder: &Path) -> Result<Self, Failure> {
        Self::begin(folder, false)
    }

    /// The same behind TLS, with a certificate that is thrown away.
    pub fn start_encrypted(folder: &Path) -> Result<Self, Failure> {
        Self::begin(folder, true)
    }

    fn begin(folder: &Path, encrypted: bool) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)?;
        let config = folder.join("server.toml");
        std::fs::write(&config, CONFIG)?;
        let command = || -> Result<Command, Failure> {
            let mut command = Command::new(program()?);
            command.arg("--config").arg(&config).arg("--data").arg(folder.join("data"));
            command.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
            Ok(command)
        };
        let made = command()?.args(["app", "add", "bench", "--key", APP]).output()?;
        if !made.status.success() {
            return Err("the server makes no app".into());
        }
        let mut agent = command()?;
        agent.args(["agent", "add", AGENT, "--role", "admin", "--password-stdin"]).stdin(Stdio::piped());
        let mut child = agent.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            writeln!(stdin, "{PASSWORD}")?;
        }
        if !child.wait()?.success() {
            return Err("the server makes no agent".into());
        }
        let mut serve = command()?;
        serve.arg("serve");
        let mut authority = None;
        if encrypted {
            let made = command()?.args(["certificate", "--host", "127.0.0.1"]).arg(folder).output()?;
            if !made.status.success() {
                return Err("the server makes no certificate".into());
            }
            serve.arg("--tls-cert").arg(folder.join("cert.pem")).arg("--tls-key").arg(folder.join("key.pem"));
            authority = Some(std::fs::read_to_string(folder.join("authority.pem"))?);
        }
        let mut child = serve.spawn()?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        // Owned from here on, so that an error ends the process as well.
        let mut server = Self { child, url: String::new(), address: String::new(), authority };
        let mut line = String::new();
        let mut output = BufReader::new(output);
        output.read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").ok_or("the server did not say where it listens")?;
        server.url = url.to_owned();
        server.address = url.split("//").last().unwrap_or_default().to_owned();
        // Reads on to the end, so that the server never blocks on a full pipe.
        std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(drop));
        Ok(server)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the agent signs in with.
pub fn password() -> &'static str {
    PASSWORD
}
