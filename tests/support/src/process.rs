//! Real processes: the server binary and the terminal client, found beside the test itself. Whoever holds one ends it:
//! each is killed by its handle when that is dropped, also when a test panics.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long a server may take until it listens. It takes a tenth of a second; the rest is for a busy machine.
const START_WITHIN: Duration = Duration::from_secs(20);

/// How long a command of the terminal client may take. Each has a time limit of its own far below this: what is still
/// there after it hangs, and a test that says so is better than one that never ends.
const COMMAND_WITHIN: Duration = Duration::from_secs(60);

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
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// Kept open: a server that prints into a closed pipe would fail for a reason of our own.
    _output: BufReader<ChildStdout>,
    data: PathBuf,
    arguments: Vec<String>,
    /// Its address, such as `http://127.0.0.1:41234`.
    pub url: String,
    /// The port behind it.
    pub port: u16,
}

impl ServerProcess {
    /// Starts the server on a data folder and a port (0 for any free one), with the demo's data, and waits until it
    /// listens. What it logs stands in a file beside the folder, see [`ServerProcess::log`].
    ///
    /// # Panics
    /// If it does not start within 20 seconds.
    pub fn start(data: &Path, port: u16, extra: &[&str]) -> Self {
        let arguments: Vec<String> = extra.iter().map(|argument| (*argument).to_owned()).collect();
        let deadline = Instant::now() + START_WITHIN;
        loop {
            match Self::try_start(data, port, &arguments, deadline) {
                Ok(server) => return server,
                // The port of a server that was killed a moment ago may still be taken by the end of a connection.
                Err(said) => assert!(
                    port != 0 && Instant::now() < deadline,
                    "the server said {said:?} instead of its address; its log: {}",
                    read_log(data)
                ),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn try_start(data: &Path, port: u16, arguments: &[String], deadline: Instant) -> Result<Self, String> {
        let log = std::fs::File::options().create(true).append(true).open(log_of(data)).expect("the server's log");
        let mut child = Command::new(binary("beistand-server"))
            .args(["--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(data)
            .args(arguments)
            .args(["serve", "--demo"])
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server is started");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let (told, first_line) = mpsc::channel();
        // A pipe cannot be read with a time limit; the thread ends with the line or with the process.
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = output.read_line(&mut line);
            let _ = told.send((line, output));
        });
        let answer = first_line.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let address = answer.as_ref().ok().and_then(|(line, _)| line.trim().strip_prefix("listening on "));
        let (Some(url), Ok((_, output))) = (address.map(str::to_owned), answer) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err("nothing".to_owned());
        };
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        Ok(Self { child, _output: output, data: data.to_path_buf(), arguments: arguments.to_vec(), url, port })
    }

    /// The process is gone at once, in the middle of whatever it did.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same folder and port; kills it first if it still runs.
    pub fn restart(&mut self) {
        self.kill();
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        *self = Self::start(&self.data, self.port, &arguments);
    }

    /// Copies the database while the server works on it: `beistand-server backup`.
    ///
    /// # Panics
    /// If the copy fails.
    pub fn backup(&self, file: &Path) {
        let copied = Command::new(binary("beistand-server"))
            .arg("--data")
            .arg(&self.data)
            .arg("backup")
            .arg(file)
            .stdin(Stdio::null())
            .output()
            .expect("the server's binary runs");
        assert!(copied.status.success(), "no backup: {}", String::from_utf8_lossy(&copied.stderr));
    }

    /// Puts a backup in the place of the database, as an operator would, and starts the server again.
    ///
    /// # Panics
    /// If the files cannot be changed.
    pub fn restore(&mut self, backup: &Path) {
        self.kill();
        for entry in std::fs::read_dir(&self.data).expect("the data folder").flatten() {
            // The files of messages are copied by name, and stay; only the database goes back in time.
            if entry.path().is_file() {
                std::fs::remove_file(entry.path()).expect("the old database goes");
            }
        }
        std::fs::copy(backup, self.data.join(DATABASE)).expect("the backup is put back");
        self.restart();
    }

    /// What all servers on this folder have logged.
    pub fn log(&self) -> String {
        read_log(&self.data)
    }

    /// The database in its data folder.
    pub fn database(&self) -> PathBuf {
        self.data.join(DATABASE)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The name of the server's database in its data folder.
pub const DATABASE: &str = "beistand.db";

fn log_of(data: &Path) -> PathBuf {
    data.with_extension("log")
}

fn read_log(data: &Path) -> String {
    std::fs::read_to_string(log_of(data)).unwrap_or_default()
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

    /// Starts a command.
    pub fn start(&self, args: &[&str]) -> PhoneProcess {
        PhoneProcess::of(self.command(args))
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.start(args).wait()
    }
}

/// A running command of the terminal client; killed when dropped.
pub struct PhoneProcess {
    child: Child,
    output: mpsc::Receiver<Vec<u8>>,
    complaints: mpsc::Receiver<Vec<u8>>,
}

impl PhoneProcess {
    /// Starts a command whose output is piped.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the terminal client starts");
        let output = drain(child.stdout.take());
        let complaints = drain(child.stderr.take());
        Self { child, output, complaints }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child").is_some()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it hangs.
    pub fn wait(mut self) -> Output {
        assert!(self.ends_within(COMMAND_WITHIN), "the terminal client hangs");
        self.collect()
    }

    /// Kills it after the given time, unless it has ended by then. What it printed, and whether it had to be killed.
    pub fn kill_after(mut self, time: Duration) -> (Output, bool) {
        // Killing at a chosen moment is the very point here.
        let ended = self.ends_within(time);
        if !ended {
            let _ = self.child.kill();
        }
        (self.collect(), !ended)
    }

    fn ends_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while !self.has_ended() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    fn collect(&mut self) -> Output {
        let status: ExitStatus = self.child.wait().expect("its end");
        let take = |pipe: &mpsc::Receiver<Vec<u8>>| pipe.recv().unwrap_or_default();
        Output { status, stdout: take(&self.output), stderr: take(&self.complaints) }
    }
}

impl Drop for PhoneProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe to its end on a thread of its own: a full pipe would stop the process.
fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (told, bytes) = mpsc::channel();
    std::thread::spawn(move || {
        let mut read = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut read);
        }
        let _ = told.send(read);
    });
    bytes
}

/// The JSON documents that a command printed, a line each. The last line of one that was killed may be cut off; it does not
/// count.
///
/// # Panics
/// If a whole line is no JSON.
pub fn documents(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} is no JSON")))
        .collect()
}
