//! What each command does to the tables. Runs inside a transaction; a refusal leaves nothing behind.

mod accounts;
mod agent;
mod attachment;
mod faq;
mod faq_feedback;
mod identity;
mod operations;
mod person;
mod push;
mod timeline;

use beistand_protocol::{Code, ConversationId, MessageId, PersonId, Violation, Visibility};
use rusqlite::{Connection, params};

use super::{persons, rows, writer::Fault};
use crate::store::{AppId, Applied, Command, Farewell, Hint, Outcome, Stream};

pub(super) type Done<T> = Result<T, Fault>;

pub(super) struct Context<'a> {
    pub(super) conn: &'a Connection,
    pub(super) hints: &'a mut Vec<Hint>,
    pub(super) farewells: &'a mut Vec<Farewell>,
}

pub(super) fn apply(context: &mut Context<'_>, command: Command) -> Done<Applied> {
    match command {
        Command::AddApp { name, key, at } => accounts::add_app(context, name, key, at),
        Command::AddAgent { app, agent, password_hash, at } => {
            accounts::add_agent(context, app, agent, &password_hash, at)
        }
        Command::RegisterDevice(register) => accounts::register_device(context, &register),
        Command::BeginSession { app, agent, token_hash, expires_at, at } => {
            accounts::begin_session(context, app, agent, token_hash, expires_at, at)
        }
        Command::EndSession { token_hash } => accounts::end_session(context, token_hash),
        Command::AddApiKey { app, agent, entry, key_hash } => {
            accounts::add_api_key(context, app, agent, &entry, key_hash)
        }
        Command::RemoveApiKey { app, id } => accounts::remove_api_key(context, app, &id),
        // Whoever read a credential a moment before a login may still name the anonymous person.
        Command::Person(mut command) => {
            command.person = persons::today(context.conn, command.app, command.person)?;
            person::apply(context, *command)
        }
        Command::FaqFeedback(mut command) => {
            command.person = persons::today(context.conn, command.app, command.person)?;
            faq_feedback::apply(context, &command)
        }
        Command::Agent(command) => agent::apply(context, *command),
        Command::Push(command) => push::apply(context, command),
        Command::Attachment(command) => attachment::apply(context, command),
        Command::Faq(command) => faq::apply(context, command),
        Command::Identity(command) => identity::apply(context, command),
    }
}

fn refuse<T>(code: Code, detail: &str) -> Done<T> {
    Err(Fault::Refused(Violation::new(code, "", detail)))
}

fn done(created: bool, outcome: Outcome) -> Done<Applied> {
    Ok(Applied { created, outcome })
}

impl Context<'_> {
    /// Moves a resource to a new seq of a stream. The counter's row is written first, which orders the writers.
    fn log(&mut self, app: AppId, stream: Stream, kind: i64, resource: &[u8; 16]) -> Done<()> {
        let key = rows::stream_key(stream);
        let seq: u64 = self
            .conn
            .prepare_cached(
                "INSERT INTO streams (app_id, stream, seq) VALUES (?1, ?2, 1) \
                 ON CONFLICT (app_id, stream) DO UPDATE SET seq = seq + 1 RETURNING seq",
            )?
            .query_row(params![app.0, key], |row| row.get(0))?;
        self.conn
            .prepare_cached(
                "INSERT INTO changes (app_id, stream, kind, resource, seq) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (app_id, stream, kind, resource) DO UPDATE SET seq = excluded.seq",
            )?
            .execute(params![app.0, key, kind, resource, seq])?;
        self.hints.push(Hint { app, stream, seq });
        Ok(())
    }

    /// A conversation changed, for its person too unless only agents may know.
    fn log_conversation(
        &mut self,
        app: AppId,
        person: PersonId,
        id: ConversationId,
        visibility: Visibility,
    ) -> Done<()> {
        if visibility == Visibility::All {
            self.log(app, Stream::Person(person), 0, id.as_bytes())?;
        }
        self.log(app, Stream::Agents, 0, id.as_bytes())
    }

    /// A message changed; a note is in no person's stream.
    fn log_message(&mut self, app: AppId, person: PersonId, id: MessageId, visibility: Visibility) -> Done<()> {
        if visibility == Visibility::All {
            self.log(app, Stream::Person(person), 1, id.as_bytes())?;
        }
        self.log(app, Stream::Agents, 1, id.as_bytes())
    }
}
