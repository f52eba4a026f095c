//! How far files have got, on standard error, for a person at a terminal.

use std::convert::Infallible;
use std::io::{IsTerminal, Write};

use beistand_core::protocol::AttachmentId;
use beistand_core::{Client, Transfer};

use crate::human;

/// A line that is written over as a file moves; it goes with this value.
pub struct Line {
    shown: bool,
    name: String,
    last: Option<u64>,
}

impl Line {
    /// A line about a file; silent where standard error is no terminal.
    pub fn about(name: &str) -> Self {
        Self { shown: std::io::stderr().is_terminal(), name: human::one_line(name, 40), last: None }
    }

    /// So many bytes of all have got through.
    pub fn at(&mut self, done: u64, total: u64) {
        let percent = percent(done, total);
        if self.shown && self.last.replace(percent) != Some(percent) {
            let mut err = std::io::stderr();
            // Nobody can be told that standard error is gone.
            let _ =
                write!(err, "\r\x1b[K{}  {percent} % of {}", self.name, human::bytes(total)).and_then(|()| err.flush());
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.last.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// How much of a file has got through.
pub fn percent(done: u64, total: u64) -> u64 {
    if total == 0 { 0 } else { u64::try_from(u128::from(done) * 100 / u128::from(total)).unwrap_or(100).min(100) }
}

/// Shows files one after the other, as they move; whoever waits for something else ends it.
pub async fn show(client: &Client, files: &[(AttachmentId, String)]) -> Infallible {
    for (id, name) in files {
        let mut line = Line::about(name);
        let mut progress = client.attachments().progress(*id).subscribe();
        while let Some(Transfer { done, total, .. }) = progress.next().await {
            if total > 0 {
                line.at(done, total);
            }
            if total > 0 && done >= total {
                break;
            }
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_part_of_nothing_is_nothing_and_no_part_is_more_than_all() {
        assert_eq!((percent(0, 0), percent(1, 3), percent(3, 3), percent(9, 3)), (0, 33, 100, 100));
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }
}
