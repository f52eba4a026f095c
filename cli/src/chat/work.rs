//! What the screen asks of the core. Writes go one after the other, in the order of the keys; what may wait for the network
//! goes on its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use beistand_core::protocol::{AttachmentId, ConversationId};
use beistand_core::{AttachmentSource, Client, Error, ErrorKind, MessageDraft, Result, TicketDraft};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use super::{
    event::{Action, Event, FileEvent},
    form::Draft,
    state::Chosen,
};
use crate::save::Saving;

/// Messages that are loaded at a time.
const EARLIER: u32 = 50;

/// While earlier messages are fetched, nothing new is shown: a server that does not answer must not keep it for longer.
const EARLIER_WITHIN: Duration = Duration::from_secs(4);

/// How long a form may ask the server what its fields are.
const CONFIG_WITHIN: Duration = Duration::from_secs(10);

/// Who carries actions out. Everything ends when it is dropped.
pub struct Work {
    client: Client,
    events: UnboundedSender<Event>,
    writes: UnboundedSender<Write>,
    writer: JoinHandle<()>,
    looking: Option<(JoinHandle<()>, UnboundedSender<()>)>,
    following: BTreeMap<AttachmentId, JoinHandle<()>>,
    fetching: BTreeMap<AttachmentId, JoinHandle<()>>,
}

enum Write {
    Action(Action),
    ReadOutbox,
}

impl Work {
    /// Begins; what comes of it goes to `events`.
    pub fn begin(client: &Client, events: UnboundedSender<Event>) -> Self {
        let (writes, orders) = unbounded_channel();
        let writer = tokio::spawn(write(client.clone(), orders, events.clone()));
        Self {
            client: client.clone(),
            events,
            writes,
            writer,
            looking: None,
            following: BTreeMap::new(),
            fetching: BTreeMap::new(),
        }
    }

    /// Reads what waits or has stopped, after the writes before it.
    pub fn read_outbox(&self) {
        let _ = self.writes.send(Write::ReadOutbox);
    }

    /// Carries an action out, or sees to it.
    pub fn carry_out(&mut self, action: Action) {
        match action {
            Action::Look(id) => self.look(id),
            Action::LoadEarlier => {
                if let Some((_, orders)) = &self.looking {
                    let _ = orders.send(());
                }
            }
            Action::Typing(id, typing) => self.client.conversations().set_typing(id, typing),
            Action::AskConfig => {
                tokio::spawn(ask_config(self.client.clone(), self.events.clone()));
            }
            Action::CheckFile(conversation, text) => {
                let _ = self.events.send(Event::File(FileEvent::Checked(conversation, check(&text))));
            }
            Action::Follow(ids) => self.follow_files(&ids),
            Action::Save(id, place) => {
                let (client, events) = (self.client.clone(), self.events.clone());
                let fetched = tokio::spawn(async move {
                    let saved = save(&client, id, &place).await.map(|()| place);
                    let _ = events.send(Event::File(FileEvent::Saved(id, saved)));
                });
                self.fetching.insert(id, fetched);
            }
            // What has arrived stays for the next try.
            Action::CancelFetch(id) => {
                if let Some(fetching) = self.fetching.remove(&id) {
                    fetching.abort();
                }
            }
            write => {
                let _ = self.writes.send(Write::Action(write));
            }
        }
    }

    /// Tells how far files have got, each for as long as the screen is up.
    fn follow_files(&mut self, ids: &[AttachmentId]) {
        for id in ids {
            let (id, mut progress, events) =
                (*id, self.client.attachments().progress(*id).subscribe(), self.events.clone());
            self.following.entry(id).or_insert_with(|| {
                tokio::spawn(async move {
                    while let Some(transfer) = progress.next().await {
                        if events.send(Event::File(FileEvent::Moved(id, transfer))).is_err() {
                            return;
                        }
                    }
                })
            });
        }
    }

    /// Looks at a conversation, and no longer at another.
    pub fn look(&mut self, id: ConversationId) {
        if let Some((before, _)) = self.looking.take() {
            before.abort();
        }
        let (orders, received) = unbounded_channel();
        let follows = tokio::spawn(follow(self.client.clone(), id, received, self.events.clone()));
        self.looking = Some((follows, orders));
    }

    /// Waits until everything that was asked for is safe on disk.
    pub async fn finish(mut self) {
        let (closed, _) = unbounded_channel();
        drop(std::mem::replace(&mut self.writes, closed));
        let _ = (&mut self.writer).await;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some((looking, _)) = self.looking.take() {
            looking.abort();
        }
        self.following.values().chain(self.fetching.values()).for_each(JoinHandle::abort);
    }
}

/// A path as it is typed, or as a terminal pastes a file that was dragged into it: quoted, or with its spaces escaped.
fn path(text: &str) -> PathBuf {
    let quoted = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    let text = match quoted('\'').or_else(|| quoted('"')) {
        Some(inner) => inner.to_owned(),
        None => text.replace("\\ ", " "),
    };
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(text),
    }
}

fn check(text: &str) -> std::result::Result<Chosen, &'static str> {
    let path = path(text);
    let metadata = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file).ok_or("unreadable")?;
    if metadata.len() == 0 {
        return Err("attachment-empty");
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Chosen { path, name, size: metadata.len() })
}

/// Fetches a file and puts a copy there; what is there already is left alone.
async fn save(client: &Client, id: AttachmentId, place: &Path) -> std::result::Result<(), &'static str> {
    let place = path(&place.to_string_lossy());
    if place.exists() {
        return Err(if place.is_dir() { "unwritable" } else { "exists" });
    }
    let here = client.attachments().fetch(id).await.map_err(|error| error.kind.code())?;
    let copied = Saving::begin(&place).and_then(|saving| saving.copy(&here));
    copied.map(|_| ()).map_err(|_| "unwritable")
}

/// Follows a conversation, and loads earlier messages when asked.
async fn follow(client: Client, id: ConversationId, mut orders: UnboundedReceiver<()>, events: UnboundedSender<Event>) {
    let mut timeline = match client.conversations().timeline(id).await {
        Ok(timeline) => timeline,
        Err(error) if error.kind == ErrorKind::NotFound => {
            let _ = events.send(Event::Missing(id));
            return;
        }
        Err(error) => {
            let _ = events.send(Event::NotDone(error.kind.code()));
            return;
        }
    };
    let mut first = true;
    loop {
        let told = tokio::select! {
            differences = timeline.next() => differences,
            Some(()) = orders.recv() => {
                let loaded = tokio::time::timeout(EARLIER_WITHIN, timeline.load_earlier(EARLIER)).await;
                let came = matches!(loaded, Ok(Ok(_)));
                let differences = loaded.ok().and_then(Result::ok).unwrap_or_default();
                let has_earlier = timeline.has_earlier();
                let _ = events.send(Event::Timeline { conversation: id, differences, has_earlier, unread: None });
                let _ = events.send(Event::Earlier(id, came));
                continue;
            }
        };
        let Some(differences) = told else { return };
        let has_earlier = timeline.has_earlier();
        // The list may be older than this history, so the mark of new messages cannot come from there.
        let unread = match std::mem::take(&mut first) {
            true => client.conversations().get(id).await.ok().map(|conversation| conversation.unread),
            false => None,
        };
        if events.send(Event::Timeline { conversation: id, differences, has_earlier, unread }).is_err() {
            return;
        }
    }
}

/// Tells what is known of categories and fields at once, and asks the server if it never said.
async fn ask_config(client: Client, events: UnboundedSender<Event>) {
    for asked in [false, true] {
        let Ok((config, announced)) = client.app_config().await else { return };
        let _ = events.send(Event::Config(Box::new(config)));
        if announced || asked || !matches!(tokio::time::timeout(CONFIG_WITHIN, client.sync()).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Writes, one after the other.
async fn write(client: Client, mut orders: UnboundedReceiver<Write>, events: UnboundedSender<Event>) {
    while let Some(order) = orders.recv().await {
        let told = match order {
            Write::ReadOutbox => client.outbox().items().await.ok().map(Event::Outbox),
            Write::Action(action) => Box::pin(carry_out(&client, action)).await,
        };
        if let Some(event) = told {
            let _ = events.send(event);
        }
    }
}

async fn carry_out(client: &Client, action: Action) -> Option<Event> {
    let (conversations, outbox) = (client.conversations(), client.outbox());
    let done = match action {
        Action::Open(draft) => {
            let Draft { subject, text, category, fields } = *draft;
            let draft = TicketDraft { subject, text, category, fields, ..TicketDraft::default() };
            return Some(match conversations.open(draft).await {
                Ok(opened) => Event::Opened(opened.conversation),
                Err(error) => not_opened(&error),
            });
        }
        Action::Send(conversation, text, files) => {
            let attachments = files.iter().map(|file| AttachmentSource::path(&file.path)).collect();
            let sent = conversations.send(conversation, MessageDraft { text: text.clone(), attachments }).await;
            let code = sent.err()?.kind.code();
            return Some(Event::NotWritten { conversation, editing: None, text, files, code });
        }
        Action::Edit(conversation, message, text) => {
            let edited = conversations.edit(message, &text).await;
            let code = edited.err()?.kind.code();
            return Some(Event::NotWritten { conversation, editing: Some(message), text, files: Vec::new(), code });
        }
        Action::TakeBack(message) => conversations.retract(message).await,
        Action::Retry(message) => match outbox.find(message.0).await {
            Ok(row) => outbox.retry(row).await,
            Err(error) => Err(error),
        },
        Action::Discard(message) => match outbox.find(message.0).await {
            Ok(row) => outbox.discard(row).await,
            Err(error) => Err(error),
        },
        Action::Close(conversation) => conversations.close(conversation).await,
        Action::Reopen(conversation) => conversations.reopen(conversation).await,
        // A mark that is not kept is set again with the next message.
        Action::MarkRead(conversation, seq) => {
            let _ = conversations.mark_read(conversation, Some(seq)).await;
            return None;
        }
        Action::Look(_)
        | Action::LoadEarlier
        | Action::CheckFile(..)
        | Action::Follow(_)
        | Action::Save(..)
        | Action::CancelFetch(_)
        | Action::AskConfig
        | Action::Typing(..)
        | Action::Redraw
        | Action::Quit => return None,
    };
    done.err().map(|error| Event::NotDone(error.kind.code()))
}

/// The error's sentence begins with the member at fault.
fn not_opened(error: &Error) -> Event {
    let member = match error.kind {
        ErrorKind::InvalidInput(_) => error.detail.split(": ").next().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    Event::NotOpened(member, error.kind.code())
}
