//! The real server as a process of its own, for the demo and for schemathesis.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::process::{self, Ended};

/// How long a server may take to come up: a loaded machine that runs its migrations for the first time.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long a server may take to stop when asked: it ends open requests first.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// A running server.
pub struct Server {
    process: Ended,
    url: String,
}

impl Server {
    /// Starts a server on a port (0: any free one) with its sample data, and waits until it listens.
    pub fn start(data: &Path, port: u16, log: &Path, environment: &[(&str, String)]) -> Result<Self, String> {
        Self::start_on(&format!("127.0.0.1:{port}"), data, log, environment)
    }

    /// The same on any address.
    pub fn start_on(listen: &str, data: &Path, log: &Path, environment: &[(&str, String)]) -> Result<Self, String> {
        let log = std::fs::File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = Command::new(process::program("beistand-server")?);
        command.args(["--listen", listen, "--data"]).arg(data).args(["serve", "--demo"]);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = Ended(command.spawn().map_err(|error| format!("the server does not start: {error}"))?);
        let stdout = process.0.stdout.take().ok_or("the server has no output")?;
        let (ready, wait) = mpsc::channel();
        thread::spawn(move || {
            // Reads on to the end, so that the server never blocks on a full pipe.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    let _ = ready.send(url.trim().to_owned());
                }
            }
        });
        let url = wait.recv_timeout(READY_WITHIN).map_err(|_| "the server did not say that it listens".to_owned())?;
        Ok(Self { process, url })
    }

    /// Its address, `http://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<(), String> {
        self.process.kill()
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> Result<(), String> {
        let asked = Instant::now();
        if self.is_running() {
            let id = self.process.0.id();
            process::run(Command::new("sh").args(["-c", &format!("kill -TERM {id}")]))?;
        }
        while asked.elapsed() < STOPPED_WITHIN {
            match self.process.0.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("the server ended with {status}")),
                Ok(None) => thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(format!("the server cannot be watched: {error}")),
            }
        }
        Err("the server did not stop when asked".to_owned())
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.0.try_wait(), Ok(None))
    }
}
