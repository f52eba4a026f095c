//! Who is signed in. An app asks its own backend for a token whenever the server wants one; here the file is the backend,
//! and is read anew each time.

use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use beistand_core::{Logout, TokenError, TokenProvider, TokenReason, Who};
use serde_json::json;

use super::Phone;
use crate::{args, exit::Failure};

/// What waits may take so long to leave if nothing else is said.
const SEND_FIRST: Duration = Duration::from_secs(10);

/// A file with a token, which somebody may replace by a fresher one.
struct TokenFile {
    /// `None` for standard input, which has one token to give.
    path: Option<PathBuf>,
    first: String,
}

impl TokenProvider for TokenFile {
    fn token(&self, reason: TokenReason) -> Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send>> {
        // Somebody may have put a fresher one there. The same again is refused again, with the server's own reason.
        let fresher =
            if reason == TokenReason::First { None } else { self.path.as_deref().and_then(|path| read(path).ok()) };
        let token = fresher.unwrap_or_else(|| self.first.clone());
        Box::pin(async move { Ok(token) })
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(path)?;
    }
    Ok(text.trim().to_owned())
}

impl Phone<'_> {
    pub(super) async fn login(&mut self, path: PathBuf) -> Result<(), Failure> {
        let first = read(&path).map_err(|error| {
            Failure::usage("unreadable", format!("The token cannot be read ({}). Nothing was changed.", error.kind()))
        })?;
        let path = (path.as_os_str() != "-").then_some(path);
        let who = self.client.login(Arc::new(TokenFile { path, first })).await?;
        self.tell_who(&who)
    }

    pub(super) async fn whoami(&mut self) -> Result<(), Failure> {
        // The first call reads who it is.
        self.client.app_config().await?;
        self.tell_who(&self.client.identity().get())
    }

    fn tell_who(&mut self, who: &Who) -> Result<(), Failure> {
        let sentence = match (&who.subject, who.confirmed) {
            (None, _) => "Nobody is signed in.".to_owned(),
            (Some(subject), true) => format!("Signed in as {}.", crate::harmless::line(subject)),
            (Some(subject), false) => format!(
                "Signed in as {}. The server has not heard of it yet: log in again when it can be reached.",
                crate::harmless::line(subject)
            ),
        };
        self.output.tell(|| json!({"subject": who.subject, "confirmed": who.confirmed}), |_| sentence)
    }

    pub(super) async fn logout(&mut self, how: &args::Logout) -> Result<(), Failure> {
        let mode = match how {
            args::Logout { keep: true, .. } => Logout::Keep,
            args::Logout { discard: true, .. } => Logout::Discard,
            args::Logout { send_first, .. } => Logout::SendFirst { within: send_first.unwrap_or(SEND_FIRST) },
        };
        let out = self.client.logout(mode).await?;
        self.output.tell(
            || json!({"sent": out.sent, "kept": out.kept, "discarded": out.discarded}),
            |_| {
                let mut told = vec!["Signed out.".to_owned()];
                if out.kept > 0 {
                    told.push(format!("{} writes wait and leave later: `beistand flush` helps them along.", out.kept));
                }
                if out.discarded > 0 {
                    told.push(format!("{} writes are gone.", out.discarded));
                }
                told.join(" ")
            },
        )
    }
}
