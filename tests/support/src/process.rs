//! Real processes: the server binary and the terminal client, found beside the test itself, ended by id with the test
//! that started them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Where cargo has put the binaries of the workspace.
///
/// # Panics
/// If the binary is not built; the message names the command that builds it.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps").to_path_buf();
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not built: run `cargo build --workspace` first", path.display());
    path
}

/// A running server; killed when dropped.
pub struct ServerProcess {
    child: Child,
    /// Its address, such as `http://127.0.0.1:41234`.
    pub url: String,
    /// The port behind it.
    pub port: u16,
}

impl ServerProcess {
    /// Starts the server on a data folder and a port (0 for any free one), with the demo's data, and waits until it
    /// listens.
    ///
    /// # Panics
    /// If it does not start within 20 seconds.
    pub fn start(data: &Path, port: u16, extra: &[&str]) -> Self {
        let mut child = Command::new(binary("beistand-server"))
            .args(["--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(data)
            .args(extra)
            .args(["serve", "--demo"])
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server is started");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("its first line");
        let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let Some(url) = url else {
            let _ = child.kill();
            panic!("the server said {line:?} instead of its address");
        };
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        Self { child, url, port }
    }

    /// The process is gone at once, in the middle of whatever it did.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The terminal client, as one person's phone.
#[derive(Clone, Debug)]
pub struct Phone {
    /// The server, or a proxy before it.
    pub server: String,
    /// The data folder.
    pub data: PathBuf,
}

impl Phone {
    /// A command of the terminal client with JSON output.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary("beistand"));
        command
            .args(["--server", &self.server, "--app-key", "demo", "--json", "--data"])
            .arg(&self.data)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the terminal client runs")
    }

    /// Runs a command, kills it after the given time unless it has ended; whether it ended by itself.
    pub fn run_and_kill(&self, args: &[&str], after: Duration) -> bool {
        let mut child = self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let deadline = Instant::now() + after;
        while Instant::now() < deadline {
            if child.try_wait().expect("its state").is_some() {
                return true;
            }
            // Killing at a chosen moment is the very point here.
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }
}

/// The JSON documents that a command printed, a line each.
///
/// # Panics
/// If a line is no JSON.
pub fn documents(output: &Output) -> Vec<serde_json::Value> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} is no JSON")))
        .collect()
}
