//! `beistand chat`: conversations on a screen, for a person at a terminal. The state and what follows from an event
//! (`state/`) and the picture of a state (`view/`) are pure; `drive` holds them together with the terminal and the core.

mod areas;
mod calendar;
mod drive;
mod editor;
mod event;
mod form;
mod help;
mod history;
mod keys;
#[cfg(test)]
mod sample;
mod state;
mod terminal;
mod view;
mod words;
mod work;
mod wrap;

use std::io::IsTerminal;

use beistand_core::Client;
use beistand_core::protocol::ConversationId;

use self::{view::Theme, words::Words};
use crate::{args::Language, exit::Failure};

/// Shows the screen until the person leaves; `locale` is the language tag of the environment.
pub async fn run(
    client: &Client,
    conversation: Option<ConversationId>,
    language: Option<Language>,
    locale: Option<&str>,
) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        let sentence = "`beistand chat` is for a person at a terminal. In scripts: `list`, `show`, `send`, `watch`.";
        return Err(Failure::usage("usage", sentence));
    }
    if let Some(id) = conversation {
        client.conversations().get(id).await?;
    }
    let words = match language {
        Some(Language::De) => &words::DE,
        Some(Language::En) => &words::EN,
        None => Words::of(locale),
    };
    let theme = Theme::of(std::env::var_os("NO_COLOR").as_deref());
    Box::pin(drive::run(client, words, theme, conversation)).await
}
