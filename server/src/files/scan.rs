//! The virus scan, if one is configured: each whole file goes to ClamAV's `clamd` over its INSTREAM command, and stays
//! `scanning` until there is an answer. While the scanner cannot be reached, files wait; nothing is waved through.

use std::{collections::HashMap, io, path::Path, sync::Arc, time::Duration};

use super::Fault;
use crate::{
    server::Shared,
    store::{AttachmentCommand, Command},
};

/// Files looked up in one go.
const BATCH: u32 = 16;

/// The first wait after a failure; doubles up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

/// A scan that takes longer has failed: `clamd` itself gives up after two minutes by default.
const PATIENCE: Duration = Duration::from_secs(180);

/// A piece of a file in one frame of the stream.
const FRAME: usize = 64 * 1024;

/// What the scanner says of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Clean,
    Found,
    /// An answer that says neither, such as that the file is larger than `StreamMaxLength`.
    Unclear,
}

/// Scans what waits for it; ends with the server.
pub(crate) fn start(shared: &Arc<Shared>) {
    let Some(clamd) = shared.config.scan.clamd.clone() else { return };
    let server = Arc::downgrade(shared);
    let mut stopping = shared.stopping.subscribe();
    let to_scan = shared.files.to_scan.clone();
    tokio::spawn(async move {
        let mut round = Round { clamd, wait: SHORTEST, failed: HashMap::new() };
        loop {
            let Some(shared) = server.upgrade() else { return };
            let pause = tokio::select! {
                pause = round.run(&shared) => pause,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            drop(shared);
            tokio::select! {
                () = to_scan.notified(), if pause.is_none() => {}
                () = tokio::time::sleep(pause.unwrap_or(LONGEST)) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    });
}

struct Round {
    clamd: String,
    wait: Duration,
    /// Files with an unclear answer, and how often: the others go first.
    failed: HashMap<[u8; 32], u32>,
}

impl Round {
    /// Scans what waits; answers how long to pause, or that there is nothing left to do.
    async fn run(&mut self, shared: &Arc<Shared>) -> Option<Duration> {
        match self.attempt(shared).await {
            Ok(true) => {
                self.wait = SHORTEST;
                None
            }
            Ok(false) => Some(self.longer()),
            Err(Fault::Disk(error)) => {
                shared.metrics.scanned("unreachable");
                tracing::warn!(kind = %error.kind(), "the virus scanner cannot be reached; files wait");
                Some(self.longer())
            }
            Err(fault) => {
                tracing::warn!(?fault, "a scan could not be noted; it is tried again");
                Some(self.longer())
            }
        }
    }

    fn longer(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST);
        wait
    }

    /// Whether nothing waits any more.
    async fn attempt(&mut self, shared: &Arc<Shared>) -> Result<bool, Fault> {
        loop {
            // Files that fail must not stand in the way of the others for ever.
            let limit = BATCH + u32::try_from(self.failed.len()).unwrap_or(BATCH);
            let mut files = shared.store.files_to_scan(limit).await?;
            self.failed.retain(|file, _| files.contains(file));
            files.sort_by_key(|file| self.failed.get(file).copied().unwrap_or(0));
            if files.is_empty() {
                return Ok(true);
            }
            let mut has_new = false;
            for file in files {
                let is_new = !self.failed.contains_key(&file);
                match scan(shared, &self.clamd, file).await? {
                    Verdict::Unclear => *self.failed.entry(file).or_default() += 1,
                    verdict => {
                        self.failed.remove(&file);
                        note(shared, file, verdict == Verdict::Found).await?;
                    }
                }
                has_new |= is_new;
            }
            if !has_new {
                return Ok(false);
            }
        }
    }
}

async fn note(shared: &Arc<Shared>, sha256: [u8; 32], found: bool) -> Result<(), Fault> {
    let at = shared.clock.now();
    shared.store.apply(Command::Attachment(AttachmentCommand::Scanned { sha256, found, at })).await?;
    if found {
        shared.files.loosened.notify_one();
    }
    Ok(())
}

async fn scan(shared: &Arc<Shared>, clamd: &str, sha256: [u8; 32]) -> Result<Verdict, Fault> {
    let path = shared.files.blob(&sha256);
    if !tokio::fs::try_exists(&path).await? {
        // Taken back a moment ago, or a restored database without its files: whatever comes to lie here is not known.
        return Ok(Verdict::Unclear);
    }
    let answer = tokio::time::timeout(PATIENCE, ask(clamd, &path))
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))?;
    let verdict = verdict(&answer);
    shared.metrics.scanned(match verdict {
        Verdict::Clean => "clean",
        Verdict::Found => "found",
        Verdict::Unclear => "failed",
    });
    if verdict == Verdict::Unclear {
        tracing::warn!("the virus scanner has answered neither OK nor FOUND; is StreamMaxLength large enough?");
    }
    Ok(verdict)
}

async fn ask(clamd: &str, file: &Path) -> io::Result<Vec<u8>> {
    use clamav_client::tokio::{Tcp, scan_file};
    if !clamd.starts_with('/') {
        return scan_file(file, Tcp { host_address: clamd }, Some(FRAME)).await;
    }
    #[cfg(unix)]
    return scan_file(file, clamav_client::tokio::Socket { socket_path: clamd }, Some(FRAME)).await;
    #[cfg(not(unix))]
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// `stream: OK`, `stream: <name> FOUND`, or an error in words.
fn verdict(answer: &[u8]) -> Verdict {
    let answer = answer.strip_suffix(b"\0").unwrap_or(answer).trim_ascii();
    if answer.ends_with(b" FOUND") {
        Verdict::Found
    } else if answer == b"stream: OK" {
        Verdict::Clean
    } else {
        Verdict::Unclear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_answer_is_a_verdict() {
        for (answer, expected) in [
            (b"stream: OK\0".as_slice(), Verdict::Clean),
            (b"stream: OK\n", Verdict::Clean),
            (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", Verdict::Found),
            (b"stream: LOOK-OK FOUND\0", Verdict::Found),
            (b"INSTREAM size limit exceeded. ERROR\0", Verdict::Unclear),
            (b"", Verdict::Unclear),
        ] {
            assert_eq!(verdict(answer), expected);
        }
    }
}
