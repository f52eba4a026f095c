//! Where everything a command says goes through. Results go to standard output, as text for people or as one JSON document
//! a line; complaints and remarks go to standard error. Nothing panics if whoever reads has gone.

use std::io::{ErrorKind, IsTerminal, Write};

use serde_json::Value;

use crate::{
    exit::{Exit, Failure},
    faq::Ink,
};

/// Lines are not made longer than this, however wide the terminal is: they would be hard to read.
const WIDEST: usize = 100;

/// Where nobody tells how wide a line may be.
const USUAL: usize = 80;

/// What a command writes to.
pub struct Output {
    json: bool,
    width: usize,
    ink: Ink,
    remarks: bool,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
}

impl Output {
    /// The process's own streams.
    pub fn standard(json: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let wished = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
        let width = wished.unwrap_or_else(|| if terminal { textwrap::termwidth() } else { USUAL });
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json,
            width: width.clamp(20, WIDEST),
            ink: if terminal && !json && !is_dumb { Ink::Terminal } else { Ink::Plain },
            remarks: std::io::stderr().is_terminal(),
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
        }
    }

    /// Whether words may be marked.
    pub fn ink(&self) -> Ink {
        self.ink
    }

    /// Whether scripts read this.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Tells a result: the document to a script, the text to a person. Nothing is kept back: a reader sees it at once.
    pub fn tell(
        &mut self,
        document: impl FnOnce() -> Value,
        text: impl FnOnce(usize) -> String,
    ) -> Result<(), Failure> {
        let told = if self.json { document().to_string() } else { text(self.width) };
        if !self.json && told.is_empty() {
            return Ok(());
        }
        match writeln!(self.out, "{told}").and_then(|()| self.out.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::nobody_reads()),
            Err(_) => {
                Err(Failure::new(Exit::Failed, "output", "The output cannot be written. The command itself was done."))
            }
        }
    }

    /// Tells a person something that a script learns in another way.
    pub fn tell_person(&mut self, text: impl FnOnce(usize) -> String) -> Result<(), Failure> {
        if self.json { Ok(()) } else { self.tell(|| Value::Null, text) }
    }

    /// A remark that only a person at a terminal wants to read.
    pub fn remark(&mut self, text: &str) {
        if self.remarks && !self.json {
            self.complain(text);
        }
    }

    /// Lines that belong below a remark, and were asked for.
    pub fn aside(&mut self, text: &str, lines: impl FnOnce(usize) -> String) {
        if !self.json {
            self.complain(text);
            let _ = writeln!(self.err, "{}", lines(self.width));
        }
    }

    /// Something that must not go unnoticed, though the command goes on.
    pub fn complain(&mut self, text: &str) {
        // Nobody can be told that standard error is gone.
        let _ = writeln!(self.err, "beistand: {text}");
    }

    /// Tells why the command failed, and gives its exit code.
    pub fn failure(&mut self, failure: Failure) -> Exit {
        if failure.exit == Exit::Done {
            return Exit::Done;
        }
        self.complain(&failure.sentence);
        if self.json {
            let _ = writeln!(self.out, "{}", failure.to_json()).and_then(|()| self.out.flush());
        }
        failure.exit
    }

    #[cfg(test)]
    pub fn to(out: Box<dyn Write>, json: bool) -> Self {
        Self { json, width: 60, ink: Ink::Plain, remarks: false, out, err: Box::new(std::io::sink()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_ends_the_command_quietly() {
        let mut output = Output::to(Box::new(Closed), true);
        let ended = output.tell(|| Value::Null, |_| String::new()).unwrap_err();
        assert_eq!(output.failure(ended), Exit::Done);
        assert_eq!(output.failure(Failure::usage("usage", "x")), Exit::Usage);
    }
}
