//! What a person does. Each command is a short life of a client: built, asked one thing, shut down. A client that runs
//! also sends what waits, so any command helps the outbox along; none but those that say so waits for the network.

mod fetch;
mod identity;
mod look;
mod outbox;
mod watch;
mod write;

use std::path::PathBuf;

use beistand_core::protocol::MessageId;
use beistand_core::{Client, ClientEvent, OutboxItem, OutboxState, Settings};
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use crate::{
    args::{PersonCommand, Place},
    exit::Failure,
    faq::{self, FaqCommand},
    input,
    output::Output,
};

/// Another terminal may write into the same folder: whoever works on the outbox looks this often.
const LOOK_AT_FOLDER: std::time::Duration = std::time::Duration::from_millis(250);

/// A client at work for one command.
struct Phone<'a> {
    client: Client,
    output: &'a mut Output,
    events: Receiver<ClientEvent>,
}

/// Runs a command of a person.
pub async fn run(place: &Place, command: PersonCommand, output: &mut Output) -> Result<(), Failure> {
    live(place, output, async |phone| phone.carry_out(command).await).await
}

/// Runs a command of a person who looks for an answer.
pub async fn look_into_faq(place: &Place, command: FaqCommand, output: &mut Output) -> Result<(), Failure> {
    live(place, output, async |phone| faq::run(&phone.client, command, phone.output).await).await
}

/// A short life of a client.
async fn live(
    place: &Place,
    output: &mut Output,
    work: impl AsyncFnOnce(&mut Phone<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let client = Client::builder(settings(place)?).build()?;
    let events = client.events();
    let mut phone = Phone { client, output, events };
    let ended = work(&mut phone).await;
    phone.client.shutdown().await;
    let told = ended.as_ref().err().map(|failure| failure.code.as_str());
    for event in phone.news() {
        // What the command failed for is told with its failure.
        if let Some(sentence) = sentence(&event).filter(|_| told.is_none() || told != code(&event)) {
            phone.output.complain(&sentence);
        }
    }
    ended
}

fn settings(place: &Place) -> Result<Settings, Failure> {
    let folder = place.data.clone().unwrap_or_else(|| default_folder(|name| std::env::var_os(name).map(PathBuf::from)));
    let mut settings = Settings::new(&place.server, &place.app_key, folder)?;
    input::trust(place, &mut settings)?;
    settings.watch_folder = Some(LOOK_AT_FOLDER);
    settings.locale = environment_locale();
    settings.faq_seeds = place.faq_seed.iter().map(|file| faq::seed(file)).collect::<Result<_, _>>()?;
    settings.faq_key = place.faq_key;
    Ok(settings)
}

fn default_folder(environment: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let data = environment("XDG_DATA_HOME").filter(|folder| folder.is_absolute());
    let home = || environment("HOME").filter(|home| home.is_absolute()).map(|home| home.join(".local/share"));
    data.or_else(home).map_or_else(|| PathBuf::from(".beistand"), |folder| folder.join("beistand"))
}

fn environment_locale() -> Option<String> {
    locale(|name| std::env::var(name).ok())
}

/// The language tag that the environment's locale stands for: `de_AT.UTF-8` is `de-AT`.
fn locale(environment: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| environment(name).filter(|value| !value.is_empty()))?;
    let tag = set.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    let is_tag = tag.len() <= 40 && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (is_tag && !matches!(tag.as_str(), "" | "C" | "POSIX")).then_some(tag)
}

impl Phone<'_> {
    async fn carry_out(&mut self, command: PersonCommand) -> Result<(), Failure> {
        match command {
            PersonCommand::Open(open) => self.open(open).await,
            PersonCommand::Send { conversation, text, attach, wait } => {
                self.send(conversation, &text, &attach, wait).await
            }
            PersonCommand::Fetch { attachment, output } => self.fetch(attachment, &output).await,
            PersonCommand::List => self.list().await,
            PersonCommand::Show { conversation, all } => self.show(conversation, all).await,
            PersonCommand::Outbox => self.outbox().await,
            PersonCommand::Retry { id } => self.retry(id).await,
            PersonCommand::Discard { id } => self.discard(id).await,
            PersonCommand::Edit { id, text } => self.edit(id, &text).await,
            PersonCommand::Retract { id } => self.retract(id).await,
            PersonCommand::Read { conversation } => self.read(conversation).await,
            PersonCommand::Flush { timeout } => self.flush(timeout).await,
            PersonCommand::Sync => self.sync().await,
            PersonCommand::Watch { conversation, read, time } => Box::pin(self.watch(conversation, read, time)).await,
            PersonCommand::Chat { conversation, lang } => {
                let locale = environment_locale();
                Box::pin(crate::chat::run(&self.client, conversation, lang, locale.as_deref())).await
            }
            PersonCommand::Close { conversation } => self.set_closed(conversation, true).await,
            PersonCommand::Reopen { conversation } => self.set_closed(conversation, false).await,
            PersonCommand::Config => self.config().await,
            PersonCommand::Login { token_file } => self.login(token_file).await,
            PersonCommand::Logout(logout) => self.logout(&logout).await,
            PersonCommand::Whoami => self.whoami().await,
        }
    }

    /// What the client has reported since the last call.
    fn news(&mut self) -> Vec<ClientEvent> {
        let mut news = Vec::new();
        loop {
            match self.events.try_recv() {
                Ok(event) if news.contains(&event) => {}
                Ok(event) => news.push(event),
                Err(TryRecvError::Lagged(_)) => {}
                Err(_) => return news,
            }
        }
    }

    /// Why nothing is delivered, if the server has said so: the sentence for it and its code.
    fn hindrance(&mut self) -> Option<(&'static str, String)> {
        self.news().iter().rev().find_map(|event| Some((hindrance_code(event)?, sentence(event)?)))
    }
}

fn hindrance_code(event: &ClientEvent) -> Option<&'static str> {
    match event {
        ClientEvent::UnknownApp => Some("unknown-app"),
        ClientEvent::CredentialRefused => Some("unauthorized"),
        ClientEvent::UpdateRequired => Some("update-required"),
        _ => None,
    }
}

/// The code of a failure that says the same as this report.
fn code(event: &ClientEvent) -> Option<&'static str> {
    match event {
        ClientEvent::FaqRefused { error } => Some(error.code()),
        event => hindrance_code(event),
    }
}

/// What a report of the client means to a person; `None` where the command itself tells it.
fn sentence(event: &ClientEvent) -> Option<String> {
    match event {
        ClientEvent::DatabaseRecovered { moved_to, outbox_rows, messages } => Some(format!(
            "The local database was damaged and is now at {}. {messages} messages and {outbox_rows} rows of the outbox were \
             kept.",
            moved_to.display()
        )),
        ClientEvent::UpdateRequired => {
            Some("The server wants a newer beistand. What is queued is safe and leaves after an update.".into())
        }
        ClientEvent::UnknownApp => {
            Some("The server does not know the app key. What is queued is safe; see --app-key.".into())
        }
        ClientEvent::CredentialRefused => Some(
            "The server does not accept this installation. What is queued is safe; see whether --data and --server belong \
             together."
                .into(),
        ),
        // A login brings histories together, and nothing is missing then.
        ClientEvent::HistoryChanged { requeued: 0 } => None,
        ClientEvent::LeftUnsent { discarded } => Some(format!(
            "{discarded} writes of somebody who has signed out were refused by the server, and are gone."
        )),
        ClientEvent::LoginRefused { code } => {
            Some(format!("The server does not know you yet ({code}). `beistand login` with a fresh token mends it."))
        }
        ClientEvent::HistoryChanged { requeued } => {
            Some(format!("The server was restored from a backup. {requeued} writes that it lacks are sent again."))
        }
        ClientEvent::FaqRefused { error } => {
            Some(format!("Articles that came were not taken: {error}. Those that were here before stay."))
        }
        ClientEvent::FaqRebuilt => {
            Some("The articles on this machine were damaged, or of a newer beistand. They are fetched anew.".into())
        }
        ClientEvent::TaskFailed { task } => {
            Some(format!("A part of beistand failed ({task}). What is queued is safe; run the command again."))
        }
        _ => None,
    }
}

/// The code of the row that stops a message, where the message itself cannot name it.
fn code_of_row(items: &[OutboxItem], message: MessageId) -> Option<&str> {
    items.iter().filter(|item| item.message_id == Some(message)).find_map(|item| match &item.state {
        OutboxState::Wedged { code, .. } => Some(code.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_the_desktops_or_the_current_one() {
        let folder = |data: Option<&str>, home: Option<&str>| {
            default_folder(|name| if name == "HOME" { home } else { data }.map(PathBuf::from))
        };
        assert_eq!(folder(Some("/d"), Some("/h")), PathBuf::from("/d/beistand"));
        assert_eq!(folder(Some("relative"), Some("/h")), PathBuf::from("/h/.local/share/beistand"));
        assert_eq!(folder(None, None), PathBuf::from(".beistand"));
    }

    #[test]
    fn the_language_comes_from_the_environment() {
        let tag = |value: &str| locale(|name| (name == "LANG").then(|| value.to_owned()));
        assert_eq!(tag("de_AT.UTF-8").as_deref(), Some("de-AT"));
        assert_eq!(tag("de@euro").as_deref(), Some("de"));
        for none in ["C", "C.UTF-8", "POSIX", "", "../../x"] {
            assert_eq!(tag(none), None, "{none}");
        }
    }
}
