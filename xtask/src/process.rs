//! Running other programs: where they stand, how their output is shown and counted, and how they end. Every process
//! that is started here is ended by its own handle, never by its name.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let here =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// The folder with the programs that the same build made.
pub fn programs() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| format!("cannot find the own program: {error}"))?;
    own.parent().map(Path::to_path_buf).ok_or_else(|| "the own program is in no folder".to_owned())
}

/// A program of this workspace, by name.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let path = programs()?.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    if path.is_file() { Ok(path) } else { Err(format!("{} does not exist: is it built?", path.display())) }
}

/// A folder inside `target`, which `cargo clean` removes.
pub fn target(name: &str) -> Result<PathBuf, String> {
    let programs = programs()?;
    Ok(programs.parent().unwrap_or(&programs).join(name))
}

/// Cargo itself, in the workspace.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    plain(command)
}

/// Without what cargo has told this program about itself.
pub fn plain(mut command: Command) -> Command {
    // These describe xtask to itself; handed on, they would make cargo believe that its environment changed.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command whose output the reader sees as it comes.
pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{} does not start: {error}", line_of(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", line_of(command))) }
}

/// Runs a command whose output the reader sees as it comes, and hands each line of standard output to `look` as well.
pub fn run_and_look(command: &mut Command, mut look: impl FnMut(&str)) -> Result<(), String> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map(Ended)
        .map_err(|error| format!("{} does not start: {error}", line_of(command)))?;
    if let Some(stdout) = child.0.stdout.take() {
        let mut here = std::io::stdout().lock();
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            // A reader that went away is no reason to stop.
            let _ = here.write_all(&line).and_then(|()| here.write_all(b"\n")).and_then(|()| here.flush());
            look(&String::from_utf8_lossy(&line));
        }
    }
    let status = child.0.wait().map_err(|error| format!("{}: {error}", line_of(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", line_of(command))) }
}

/// The output of a command that says nothing to the reader.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{} does not start: {error}", line_of(command)))?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|_| format!("{} printed no UTF-8", line_of(command)))
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{} ended with {}\n{}", line_of(command), output.status, said.trim_end()))
    }
}

/// The exit code, standard output and standard error of a command that must end by itself within a time.
pub fn output_within(command: &mut Command, within: Duration) -> Result<(i32, String, String), String> {
    let line = line_of(command);
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = Ended(started.map_err(|error| format!("{line} does not start: {error}"))?);
    let (stdout, stderr) = (read(child.0.stdout.take()), read(child.0.stderr.take()));
    let begun = Instant::now();
    let status = loop {
        match child.0.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < within => thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                child.kill()?;
                let said = stderr.join().unwrap_or_default();
                return Err(format!("{line} did not end within {} s: {}", within.as_secs(), said.trim_end()));
            }
            Err(error) => return Err(format!("{line}: {error}")),
        }
    };
    Ok((status.code().unwrap_or(-1), stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default()))
}

/// Reads a pipe to its end on a thread, so that the other side never waits for room in it.
fn read(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A command as one would type it.
pub fn line_of(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A process that ends with this value, at the latest.
pub struct Ended(pub Child);

impl Ended {
    /// `kill -9`: the process gets no chance to tidy up.
    pub fn kill(&mut self) -> Result<(), String> {
        self.0.kill().and_then(|()| self.0.wait()).map(|_| ()).map_err(|error| format!("cannot end a process: {error}"))
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // Nothing is left to be done about a process that cannot be ended.
            let _ = self.kill();
        }
    }
}

/// A folder for one run, removed with this value.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty folder.
    pub fn new(name: &str) -> Result<Self, String> {
        let path = env::temp_dir().join(format!("beistand-{name}-{}", std::process::id()));
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left-overs in the system's folder for temporary things are harmless.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
