//! What is wrong with the files of an import: every fault names its file, so that an editor can go there.

use std::fmt;

/// One fault.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fault {
    /// The file, from the root of the import, with `/` between the names.
    pub path: String,
    /// The line, counted from 1, if the fault has one.
    pub line: Option<usize>,
    /// What is wrong; begins with the field if one is at fault.
    pub reason: String,
}

impl Fault {
    /// A fault of a whole file.
    pub fn new(path: &str, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, reason: reason.into() }
    }

    /// A fault in a line.
    pub fn at(path: &str, line: usize, reason: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::new(path, reason) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, reason } = self;
        match line {
            Some(line) => write!(f, "{path}:{line}: {reason}"),
            None => write!(f, "{path}: {reason}"),
        }
    }
}

/// All faults of an import, by file and line; never empty as an error.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{fault}")?;
        }
        match self.0.len() {
            1 => write!(f, "nothing was imported: 1 fault"),
            count => write!(f, "nothing was imported: {count} faults"),
        }
    }
}

impl std::error::Error for Faults {}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// The value, if nothing was wrong with it.
    pub(super) fn unless_any<T>(mut self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.0.sort();
        // A folder that cannot be read is met wherever it is looked at.
        self.0.dedup();
        Err(self)
    }
}
