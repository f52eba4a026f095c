//! `beistand faq …`: answers without asking anybody. Everything is read from the data folder, or from the publications that
//! `--faq-seed` names; the server is waited for only where there would be nothing to read at all, and in `faq refresh`.

mod args;
mod columns;
mod draw;
mod hits;
mod ink;
mod look;
mod table;

use std::time::Duration;

use beistand_core::protocol::faq::Locale;
use beistand_core::{Client, ErrorKind, faq::FaqStatus};

use crate::{
    exit::{Exit, Failure},
    output::Output,
};

pub use args::{FaqArguments, FaqCommand, key, seed};
pub use hits::{document, suggestions};
pub use ink::Ink;

/// How long a first look may wait for the server to send its articles: as long as a person waits for a page.
const FIRST_CONTACT: Duration = Duration::from_secs(10);

/// How long to ask for a language that is not here, while another one is: there is something to read.
const OTHER_LANGUAGE: Duration = Duration::from_secs(2);

/// Runs a command that needs a client.
pub async fn run(client: &Client, command: FaqCommand, output: &mut Output) -> Result<(), Failure> {
    let reader = Reader { faq: client.faq(), output };
    match command {
        FaqCommand::Search { query, tongue, limit, typing } => {
            reader.search(&query, tongue.locale, limit.into(), typing).await
        }
        FaqCommand::Show { article, tongue } => reader.show(&article, tongue.locale).await,
        FaqCommand::Suggest { text, tongue } => reader.suggest(&text, tongue.locale).await,
        FaqCommand::List { collection, tongue } => reader.list(collection, tongue.locale).await,
        FaqCommand::Rate(rating) => reader.rate(rating).await,
        FaqCommand::Refresh { tongue } => reader.refresh(tongue.locale).await,
        // It needs no client, and was done before there was one.
        FaqCommand::Eval(_) => Ok(()),
    }
}

/// Somebody who reads at this terminal.
struct Reader<'a> {
    faq: beistand_core::Faq,
    output: &'a mut Output,
}

impl Reader<'_> {
    /// Makes sure that there is something to read, in the language that is asked for. Fails only if there is nothing, and
    /// it is not known whether the server has something.
    async fn ready(&self, locale: Option<&Locale>) -> Result<FaqStatus, Failure> {
        if let Some(locale) = locale {
            self.faq.set_locale(locale.clone()).await?;
        }
        let status = self.faq.status().await?;
        let within = match locale {
            _ if status.locale.is_none() => FIRST_CONTACT,
            Some(locale) if status.cached.iter().all(|here| here.language() != locale.language()) => OTHER_LANGUAGE,
            _ => return Ok(status),
        };
        let asked = tokio::time::timeout(within, self.faq.refresh()).await;
        let status = self.faq.status().await?;
        match asked {
            _ if status.locale.is_some() => Ok(status),
            Ok(Ok(())) => Ok(status),
            Ok(Err(error)) if error.kind != ErrorKind::Unreachable => Err(error.into()),
            Ok(Err(_)) | Err(_) => Err(Failure::new(
                Exit::Failed,
                ErrorKind::Unreachable.code(),
                "No articles are here yet, and there is no connection to fetch them. `beistand open` writes to a person, \
                 offline too.",
            )),
        }
    }
}
