//! The chat screen as a person has it: the real program in a pseudo-terminal, against the real server. With
//! `BEISTAND_PICTURES=1` the main states are also written as pictures to `docs/pictures/`.

#![allow(clippy::unwrap_used)]

mod emulator;
mod leaving;
mod main_states;
mod svg;

use std::path::{Path, PathBuf};
use std::process::Command;

use beistand_test_support::process::{Phone, ServerProcess, documents};
use tempfile::TempDir;
use vt100::Screen;

use emulator::Emulator;

/// A wide terminal, and the narrow one that everything has to work in.
const WIDE: (u16, u16) = (110, 30);
const NARROW: (u16, u16) = (60, 20);

const ENTER: &str = "\r";
const ESCAPE: &str = "\x1b";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const PAGE_UP: &str = "\x1b[5~";
const F1: &str = "\x1bOP";
const DELETE: &str = "\x1b[3~";
const CTRL_C: &str = "\x03";
const CTRL_N: &str = "\x0e";
const CTRL_O: &str = "\x0f";

/// A server, and a phone that is its customer.
struct World {
    folder: TempDir,
    server: ServerProcess,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let server = ServerProcess::start(&folder.path().join("server"), 0, &[]);
        Self { folder, server }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("phone")
    }

    fn phone(&self) -> Phone {
        Phone { server: self.server.url.clone(), data: self.data() }
    }

    fn chat(&self, size: (u16, u16), arguments: &[&str]) -> Emulator {
        Emulator::start(&self.server.url, &self.data(), size, arguments)
    }

    /// A conversation that the server has.
    fn opened(&self, subject: &str, text: &str) -> String {
        let said = self.phone().run(&["open", "--subject", subject, "--text", text, "--wait", "20"]);
        documents(&said)[0]["conversation"].as_str().unwrap().to_owned()
    }

    /// An agent does something.
    fn agent(&self, words: &[&str]) {
        let said = self.phone().run(&[&["agent", "--user", "Deniz", "--password", "demo"], words].concat());
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
}

/// Writes a picture, if they are wanted.
fn picture(screen: &Screen, name: &str, title: &str) {
    if std::env::var_os("BEISTAND_PICTURES").is_none_or(|wanted| wanted != "1") {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.svg")), svg::picture(screen, title)).unwrap();
}

/// Asks a process to end.
fn terminate(id: u32) {
    assert!(Command::new("kill").args(["-TERM", &id.to_string()]).status().unwrap().success());
}
