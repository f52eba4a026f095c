//! Between rows and wire types: the only place that knows the column codes, and the only place that decides what of a
//! conversation or a message a reader may see.

use beistand_protocol::{
    AgentId, Assignee, Author, Content, Conversation, ConversationId, Fields, Message, MessageId, PersonId,
    PersonSummary, Priority, ReadMarks, Receipts, Status, UnixMillis, Visibility,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params, types::Type};
use uuid::Uuid;

use crate::store::{AppId, Reader, Stream};

pub(super) fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
}

pub(super) fn optional_uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uuid>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(Uuid::from_bytes))
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<UnixMillis> {
    row.get(column).map(UnixMillis)
}

fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UnixMillis>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(UnixMillis))
}

pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    // serde's own words may quote the document, and errors are logged.
    serde_json::from_str(&text)
        .map_err(|_| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "a damaged document".into()))
}

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn status_code(status: Status) -> i64 {
    match status {
        Status::Open => 0,
        Status::Pending => 1,
        Status::Solved => 2,
        Status::Closed => 3,
    }
}

pub(super) fn status(code: i64) -> Status {
    match code {
        1 => Status::Pending,
        2 => Status::Solved,
        3 => Status::Closed,
        _ => Status::Open,
    }
}

pub(super) fn priority_code(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
        Priority::Urgent => 3,
    }
}

fn priority(code: i64) -> Priority {
    match code {
        0 => Priority::Low,
        2 => Priority::High,
        3 => Priority::Urgent,
        _ => Priority::Normal,
    }
}

pub(super) fn visibility_code(visibility: Visibility) -> i64 {
    match visibility {
        Visibility::All => 0,
        Visibility::Agents => 1,
    }
}

/// The key of a stream.
pub(super) fn stream_key(stream: Stream) -> Vec<u8> {
    match stream {
        Stream::Person(person) => person.as_bytes().to_vec(),
        Stream::Agents => Vec::new(),
    }
}

/// Which messages a reader may see: the one condition that every query of messages carries (as alias `m`).
pub(super) fn seen_by(reader: Reader) -> &'static str {
    match reader {
        Reader::Person(_) => "m.visibility = 0",
        Reader::Agent => "TRUE",
    }
}

const CONVERSATION: &str = "SELECT c.id, c.version, c.subject, c.category, c.priority, c.fields, c.status, \
     c.assignee_id, a.name, c.person_delivered, c.person_read, c.agents_delivered, c.agents_read, c.last_seq, \
     c.person_last_seq, c.created_at, c.updated_at, c.withdrawn_at, c.person_id, p.name, p.locale, p.subject \
     FROM conversations c \
     JOIN persons p ON p.app_id = c.app_id AND p.id = c.person_id \
     LEFT JOIN agents a ON a.app_id = c.app_id AND a.id = c.assignee_id ";

/// A SELECT of conversations (alias `c`) that [`conversation`] reads.
pub(super) fn select_conversations(rest: &str) -> String {
    format!("{CONVERSATION}{rest}")
}

const MESSAGE: &str = "SELECT m.id, m.conversation_id, m.seq, m.version, m.author, m.author_id, m.author_name, \
     m.content, m.visibility, m.sent_at, m.created_at, m.edited_at, m.retracted_at FROM messages m ";

/// A SELECT of messages (alias `m`) that [`message`] reads; `condition` follows what the reader may see.
pub(super) fn select_messages(reader: Reader, condition: &str) -> String {
    format!("{MESSAGE}WHERE {} AND {condition}", seen_by(reader))
}

pub(super) fn conversation(row: &Row<'_>, reader: Reader) -> rusqlite::Result<Conversation> {
    let assignee = match (optional_uuid(row, 7)?, row.get::<_, Option<String>>(8)?) {
        (Some(id), Some(name)) => Some(Assignee { id: AgentId(id), name }),
        _ => None,
    };
    let mut conversation = Conversation {
        id: ConversationId(uuid(row, 0)?),
        version: unsigned(row, 1)?,
        subject: row.get(2)?,
        category: row.get(3)?,
        priority: priority(row.get(4)?),
        fields: json::<Fields>(row, 5)?,
        status: status(row.get(6)?),
        assignee,
        receipts: Receipts {
            person: ReadMarks { delivered_seq: unsigned(row, 9)?, read_seq: unsigned(row, 10)? },
            agents: ReadMarks { delivered_seq: unsigned(row, 11)?, read_seq: unsigned(row, 12)? },
        },
        last_seq: unsigned(row, 13)?,
        created_at: time(row, 15)?,
        updated_at: time(row, 16)?,
        withdrawn_at: optional_time(row, 17)?,
        person: None,
    };
    match reader {
        Reader::Agent => {
            let id = PersonId(uuid(row, 18)?);
            conversation.person =
                Some(PersonSummary { id, name: row.get(19)?, subject: row.get(21)?, locale: row.get(20)? });
        }
        Reader::Person(_) => {
            // Notes take places too; the person's copy ends at the newest message that the person may see.
            conversation.last_seq = unsigned(row, 14)?;
            let agents = &mut conversation.receipts.agents;
            agents.delivered_seq = agents.delivered_seq.min(conversation.last_seq);
            agents.read_seq = agents.read_seq.min(conversation.last_seq);
        }
    }
    Ok(conversation)
}

pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let author = match row.get::<_, i64>(4)? {
        0 => Author::Person,
        1 => Author::Agent { id: AgentId(optional_uuid(row, 5)?.unwrap_or_default()), name: row.get(6)? },
        _ => Author::System,
    };
    Ok(Message {
        id: MessageId(uuid(row, 0)?),
        conversation_id: ConversationId(uuid(row, 1)?),
        seq: unsigned(row, 2)?,
        version: unsigned(row, 3)?,
        author,
        content: json::<Content>(row, 7)?,
        visibility: if row.get::<_, i64>(8)? == 0 { Visibility::All } else { Visibility::Agents },
        sent_at: optional_time(row, 9)?,
        created_at: time(row, 10)?,
        edited_at: optional_time(row, 11)?,
        retracted_at: optional_time(row, 12)?,
    })
}

/// One conversation as its reader may see it; a person's withdrawn ones only `with_withdrawn`.
pub(super) fn load_conversation(
    conn: &Connection,
    app: AppId,
    reader: Reader,
    id: ConversationId,
    with_withdrawn: bool,
) -> rusqlite::Result<Option<Conversation>> {
    let read = |row: &Row<'_>| conversation(row, reader);
    match reader {
        Reader::Agent => conn
            .prepare_cached(&select_conversations("WHERE c.app_id = ?1 AND c.id = ?2"))?
            .query_row(params![app.0, id.as_bytes()], read),
        Reader::Person(person) => conn
            .prepare_cached(&select_conversations(
                "WHERE c.app_id = ?1 AND c.id = ?2 AND c.person_id = ?3 AND (?4 OR c.withdrawn_at IS NULL)",
            ))?
            .query_row(params![app.0, id.as_bytes(), person.as_bytes(), with_withdrawn], read),
    }
    .optional()
}

/// One message, if its reader may see messages of this visibility. Whose conversation it is the caller has checked.
pub(super) fn load_message(
    conn: &Connection,
    app: AppId,
    reader: Reader,
    id: MessageId,
) -> rusqlite::Result<Option<Message>> {
    conn.prepare_cached(&select_messages(reader, "m.app_id = ?1 AND m.id = ?2"))?
        .query_row(params![app.0, id.as_bytes()], message)
        .optional()
}
