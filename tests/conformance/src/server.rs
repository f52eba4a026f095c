//! Starts the `beistand-server` that lies beside the test, on a free port and an empty folder.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

pub(crate) struct Started {
    child: Child,
    pub(crate) url: String,
    _folder: tempfile::TempDir,
}

fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
    let path = folder.join(format!("beistand-server{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: run `cargo build -p beistand-server` first", path.display());
    path
}

impl Started {
    pub(crate) fn start(other_app: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let mut child = Command::new(binary())
            .args(["--listen", "127.0.0.1:0", "--log", "warn", "--data"])
            .arg(&data)
            .args(["serve", "--demo"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its first line");
        let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let mut started = Self { child, url: url.unwrap_or_default(), _folder: folder };
        assert!(!started.url.is_empty(), "the server said {line:?} instead of its address");
        let added = Command::new(binary())
            .arg("--data")
            .arg(&data)
            .args(["app", "add", other_app, "--key", other_app])
            .stdout(Stdio::null())
            .status()
            .expect("the command runs");
        if !added.success() {
            started.end();
            panic!("the other app could not be made");
        }
        started
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.end();
    }
}
