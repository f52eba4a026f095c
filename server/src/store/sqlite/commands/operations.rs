//! The questions that make a replay of a person's write harmless: is this the history that the phone believes in, do I
//! know this operation, has its lane passed it?

use beistand_protocol::{Code, ConversationId, Epoch, MessageId, PersonId, UnixMillis};
use rusqlite::{OptionalExtension as _, params};

use super::{Context, Done, refuse};
use crate::{
    desk::digest::Digest,
    store::{
        AppId, Stream,
        command::Operation,
        sqlite::{rows::optional_uuid, sync},
    },
};

/// What an operation wrote, as stored with it: enough to answer its replay with today's resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Opened = 0,
    Withdrawn = 1,
    Message = 2,
    Retraction = 3,
    Status = 4,
    Read = 5,
    Feedback = 6,
    Report = 7,
}

impl Kind {
    fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Opened,
            1 => Self::Withdrawn,
            2 => Self::Message,
            3 => Self::Retraction,
            4 => Self::Status,
            6 => Self::Feedback,
            7 => Self::Report,
            _ => Self::Read,
        }
    }
}

/// What a write is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    pub(super) kind: Kind,
    pub(super) conversation: Option<ConversationId>,
    pub(super) message: Option<MessageId>,
}

/// What a write says about itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried<'a> {
    pub(super) app: AppId,
    pub(super) person: PersonId,
    pub(super) operation: Operation,
    pub(super) epoch: Option<&'a Epoch>,
    pub(super) digest: Digest,
}

/// How a write stands to what was written before.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It took effect before; this is what it was about.
    Known(About),
    /// Its lane has passed it: it must have no effect any more.
    Passed,
    /// It takes effect now.
    New,
}

/// A write that its lane has passed, and whose effect is not there either.
pub(super) fn superseded<T>() -> Done<T> {
    refuse(Code::OperationSuperseded, "a newer operation of this lane took effect before")
}

impl Carried<'_> {
    /// Asks the questions, in order.
    pub(super) fn judge(&self, context: &Context<'_>) -> Done<Standing> {
        self.check_epoch(context)?;
        if let Some(about) = self.known(context)? {
            return Ok(Standing::Known(about));
        }
        Ok(if self.is_passed(context)? { Standing::Passed } else { Standing::New })
    }

    fn check_epoch(&self, context: &Context<'_>) -> Done<()> {
        let Some(believed) = self.epoch else { return Ok(()) };
        let Epoch(actual) = sync::place(context.conn, self.app, Stream::Person(self.person))?.epoch;
        if believed.0 == actual {
            Ok(())
        } else {
            refuse(Code::EpochChanged, "this server's history is another one: sync first")
        }
    }

    fn known(&self, context: &Context<'_>) -> Done<Option<About>> {
        let Self { app, operation, digest, .. } = self;
        let known = context
            .conn
            .prepare_cached(
                "SELECT digest, kind, conversation_id, message_id FROM operations \
                 WHERE app_id = ?1 AND device_id = ?2 AND id = ?3",
            )?
            .query_row(params![app.0, operation.device.as_bytes(), operation.id.as_bytes()], |row| {
                let about = About {
                    kind: Kind::from_code(row.get(1)?),
                    // No bytes for what is about no conversation.
                    conversation: ConversationId::from_slice(&row.get::<_, Vec<u8>>(2)?),
                    message: optional_uuid(row, 3)?.map(MessageId),
                };
                Ok((Digest(row.get(0)?), about))
            })
            .optional()?;
        match known {
            Some((stored, _)) if stored != *digest => {
                refuse(Code::IdReused, "this operation id was used before for another request")
            }
            known => Ok(known.map(|(_, about)| about)),
        }
    }

    fn is_passed(&self, context: &Context<'_>) -> Done<bool> {
        let Self { app, operation, .. } = self;
        let mark: Option<u64> = context
            .conn
            .prepare_cached("SELECT high_water FROM lanes WHERE app_id = ?1 AND device_id = ?2 AND lane = ?3")?
            .query_row(params![app.0, operation.device.as_bytes(), operation.lane.to_string()], |row| row.get(0))
            .optional()?;
        Ok(mark.is_some_and(|mark| operation.lane_seq <= mark))
    }

    /// Stores the operation and raises its lane's mark.
    pub(super) fn remember(&self, context: &Context<'_>, about: About, at: UnixMillis) -> Done<()> {
        let Self { app, operation, digest, .. } = self;
        let lane = operation.lane.to_string();
        context
            .conn
            .prepare_cached(
                "INSERT INTO operations (app_id, device_id, id, lane, lane_seq, digest, kind, conversation_id, \
                 message_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                app.0,
                operation.device.as_bytes(),
                operation.id.as_bytes(),
                lane,
                operation.lane_seq,
                digest.0,
                about.kind as i64,
                about.conversation.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
                about.message.as_ref().map(|id| *id.as_bytes()),
                at.0,
            ])?;
        context
            .conn
            .prepare_cached(
                "INSERT INTO lanes (app_id, device_id, lane, high_water) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (app_id, device_id, lane) DO UPDATE SET high_water = excluded.high_water",
            )?
            .execute(params![app.0, operation.device.as_bytes(), lane, operation.lane_seq])?;
        Ok(())
    }
}
