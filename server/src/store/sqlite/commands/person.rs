//! What a person writes in conversations, behind the questions that make a replay harmless (see [`operations`](super)):
//! only what is new takes effect.

use beistand_protocol::{
    Author, Code, Content, ConversationId, EditMessage, MessageId, OpenConversation, Opened, ReadMarks, Receipts,
    Retraction, SendMessage, Status, UnixMillis, Visibility, Withdrawn,
};
use rusqlite::{OptionalExtension as _, params};

use super::{
    Context, Done, done,
    operations::{About, Carried, Kind, Standing, superseded},
    refuse,
    timeline::{self, NewMessage},
};
use crate::{
    desk::{digest, digest::Digest, rules},
    store::{
        Applied, Outcome, Reader,
        command::{PersonCommand, PersonWrite},
        sqlite::rows,
    },
};

impl Kind {
    fn of(write: &PersonWrite) -> Self {
        match write {
            PersonWrite::Open(_) => Self::Opened,
            PersonWrite::Withdraw => Self::Withdrawn,
            PersonWrite::Send(..) | PersonWrite::Edit(..) => Self::Message,
            PersonWrite::Retract(_) => Self::Retraction,
            PersonWrite::SetStatus(_) => Self::Status,
            PersonWrite::Read(_) => Self::Read,
        }
    }
}

fn message_of(write: &PersonWrite) -> Option<MessageId> {
    match write {
        PersonWrite::Send(id, _) | PersonWrite::Edit(id, _) | PersonWrite::Retract(id) => Some(*id),
        _ => None,
    }
}

pub(super) fn apply(context: &mut Context<'_>, command: PersonCommand) -> Done<Applied> {
    let mut writing = Writing { context, command };
    match writing.carried().judge(writing.context)? {
        Standing::Known(about) => {
            let kind = about.kind;
            let conversation = about.conversation.unwrap_or(writing.command.conversation);
            return done(false, writing.today(kind, conversation, about.message)?);
        }
        Standing::Passed => {
            return match writing.known_resource()? {
                Some(answer) => done(false, answer),
                None => superseded(),
            };
        }
        Standing::New => {}
    }
    let applied = writing.execute()?;
    let about = writing.about();
    writing.carried().remember(writing.context, about, writing.command.at)?;
    Ok(applied)
}

struct Writing<'a, 'c> {
    context: &'a mut Context<'c>,
    command: PersonCommand,
}

impl Writing<'_, '_> {
    fn reader(&self) -> Reader {
        Reader::Person(self.command.person)
    }

    fn carried(&self) -> Carried<'_> {
        let PersonCommand { app, person, operation, epoch, digest, .. } = &self.command;
        Carried { app: *app, person: *person, operation: *operation, epoch: epoch.as_ref(), digest: *digest }
    }

    /// What the command is about, as stored with its operation.
    fn about(&self) -> About {
        let PersonCommand { conversation, write, .. } = &self.command;
        About { kind: Kind::of(write), conversation: Some(*conversation), message: message_of(write) }
    }

    /// Today's resource, if exactly this request has made it, or has undone it for good, under another operation.
    fn known_resource(&self) -> Done<Option<Outcome>> {
        let PersonCommand { app, person, conversation, digest, write, .. } = &self.command;
        let standing = self.context.standing(*app, *conversation)?.filter(|standing| standing.person == *person);
        let is_there = match write {
            PersonWrite::Open(_) => standing.is_some_and(|standing| standing.digest == *digest),
            PersonWrite::Withdraw => {
                standing.is_some_and(|standing| standing.withdrawn_at.is_some())
                    || self.withdrawn_unseen()?.is_some_and(|(owner, _)| owner == *person.as_bytes())
            }
            PersonWrite::Send(id, _) => {
                standing.is_some()
                    && self.context.known_message(*app, *id)?.is_some_and(|known| known.digest == *digest)
            }
            PersonWrite::Retract(id) => {
                standing.is_some()
                    && match self.context.known_message(*app, *id)? {
                        Some(known) => known.conversation == *conversation && known.retracted_at.is_some(),
                        None => self.retracted_unseen(*id)?.is_some(),
                    }
            }
            PersonWrite::Edit(..) | PersonWrite::SetStatus(_) | PersonWrite::Read(_) => false,
        };
        if !is_there {
            return Ok(None);
        }
        self.today(Kind::of(write), *conversation, message_of(write)).map(Some)
    }

    /// The answer to an operation of this kind, made of what is stored today.
    fn today(&self, kind: Kind, conversation: ConversationId, message: Option<MessageId>) -> Done<Outcome> {
        let (app, reader) = (self.command.app, self.reader());
        let message = message.unwrap_or(MessageId(uuid::Uuid::nil()));
        Ok(match kind {
            Kind::Opened => {
                let Some(standing) = self.context.standing(app, conversation)? else {
                    return Err(rusqlite::Error::QueryReturnedNoRows.into());
                };
                Outcome::Opened(Box::new(Opened {
                    conversation: *self.context.conversation(app, reader, conversation)?,
                    message: *self.context.message(app, reader, standing.first_message)?,
                }))
            }
            Kind::Withdrawn => Outcome::Withdrawn(match self.context.standing(app, conversation)? {
                Some(standing) => Withdrawn {
                    id: conversation,
                    message_id: Some(standing.first_message),
                    withdrawn_at: standing.withdrawn_at.unwrap_or(self.command.at),
                },
                None => Withdrawn {
                    id: conversation,
                    message_id: None,
                    withdrawn_at: self.withdrawn_unseen()?.map_or(self.command.at, |(_, at)| at),
                },
            }),
            Kind::Message => Outcome::Message(self.context.message(app, reader, message)?),
            Kind::Retraction => {
                let stored = rows::load_message(self.context.conn, app, reader, message)?;
                let unseen = self.retracted_unseen(message)?;
                let retracted_at = stored.as_ref().and_then(|message| message.retracted_at).or(unseen);
                Outcome::Retraction(Box::new(Retraction {
                    id: message,
                    conversation_id: conversation,
                    retracted_at: retracted_at.unwrap_or(self.command.at),
                    message: stored,
                }))
            }
            Kind::Status => Outcome::Conversation(self.context.conversation(app, reader, conversation)?),
            Kind::Read => Outcome::Receipts(self.receipts()?),
            // Another digest than any of these: it never gets here.
            Kind::Feedback | Kind::Report => Outcome::Done,
        })
    }

    fn receipts(&self) -> Done<Receipts> {
        Ok(self.context.conversation(self.command.app, self.reader(), self.command.conversation)?.receipts)
    }

    fn withdrawn_unseen(&self) -> Done<Option<([u8; 16], UnixMillis)>> {
        Ok(self
            .context
            .conn
            .prepare_cached("SELECT person_id, withdrawn_at FROM withdrawn_unseen WHERE app_id = ?1 AND id = ?2")?
            .query_row(params![self.command.app.0, self.command.conversation.as_bytes()], |row| {
                Ok((row.get(0)?, UnixMillis(row.get(1)?)))
            })
            .optional()?)
    }

    fn retracted_unseen(&self, id: MessageId) -> Done<Option<UnixMillis>> {
        Ok(self
            .context
            .conn
            .prepare_cached(
                "SELECT retracted_at FROM retracted_unseen WHERE app_id = ?1 AND id = ?2 AND person_id = ?3",
            )?
            .query_row(params![self.command.app.0, id.as_bytes(), self.command.person.as_bytes()], |row| {
                Ok(UnixMillis(row.get(0)?))
            })
            .optional()?)
    }

    fn execute(&mut self) -> Done<Applied> {
        match self.command.write.clone() {
            PersonWrite::Open(body) => self.open(&body),
            PersonWrite::Withdraw => self.withdraw(),
            PersonWrite::Send(id, body) => self.send(id, &body),
            PersonWrite::Edit(id, body) => self.edit(id, &body),
            PersonWrite::Retract(id) => self.retract(id),
            PersonWrite::SetStatus(status) => self.set_status(status),
            PersonWrite::Read(marks) => self.read(marks),
        }
    }

    /// The person's own conversation; a foreign one does not exist, a withdrawn one takes nothing any more.
    fn own(&self) -> Done<timeline::Standing> {
        let PersonCommand { app, person, conversation, .. } = &self.command;
        match self.context.standing(*app, *conversation)? {
            Some(standing) if standing.person != *person => {
                refuse(Code::NotFound, "there is no such conversation for this person")
            }
            Some(standing) if standing.withdrawn_at.is_some() => {
                refuse(Code::MessageRetracted, "the conversation was taken back")
            }
            Some(standing) => Ok(standing),
            None => match self.withdrawn_unseen()? {
                Some((owner, _)) if owner == *person.as_bytes() => {
                    refuse(Code::MessageRetracted, "the conversation was taken back")
                }
                _ => refuse(Code::NotFound, "there is no such conversation for this person"),
            },
        }
    }

    fn open(&mut self, body: &OpenConversation) -> Done<Applied> {
        let PersonCommand { app, person, conversation, digest, at, .. } = self.command;
        if let Some(standing) = self.context.standing(app, conversation)? {
            if standing.person != person {
                return refuse(Code::NotFound, "there is no such conversation for this person");
            }
            if standing.digest != digest {
                return refuse(Code::IdReused, "this conversation id was used before with other content");
            }
            return done(false, self.today(Kind::Opened, conversation, None)?);
        }
        if let Some((owner, _)) = self.withdrawn_unseen()? {
            return if owner == *person.as_bytes() {
                refuse(Code::MessageRetracted, "the conversation was taken back before it arrived")
            } else {
                refuse(Code::NotFound, "there is no such conversation for this person")
            };
        }
        let first = &body.message;
        if let Some(known) = self.context.known_message(app, first.id)? {
            let owner = self.context.standing(app, known.conversation)?.map(|standing| standing.person);
            return if owner == Some(person) {
                refuse(Code::IdReused, "this message id was used before in another conversation")
            } else {
                refuse(Code::NotFound, "there is no such message for this person")
            };
        }
        self.context.not_retracted_unseen(app, first.id)?;
        self.command.check.clone()?;
        self.context
            .conn
            .prepare_cached(
                "INSERT INTO conversations (app_id, id, person_id, subject, category, priority, fields, status, \
                 last_seq, person_last_seq, version, created_at, updated_at, first_message_id, request_digest) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0, ?9, ?9, ?10, ?11)",
            )?
            .execute(params![
                app.0,
                conversation.as_bytes(),
                person.as_bytes(),
                body.subject,
                body.category,
                rows::priority_code(body.priority),
                rows::to_json(&body.fields)?,
                rows::status_code(Status::Open),
                at.0,
                first.id.as_bytes(),
                digest.0,
            ])?;
        self.context.touch(app, person, conversation, at, Visibility::All)?;
        let send =
            SendMessage { text: first.text.clone(), attachments: first.attachments.clone(), sent_at: first.sent_at };
        let send_digest = digest::send(conversation, first.id, &send);
        self.append(first.id, &send, send_digest)?;
        done(true, self.today(Kind::Opened, conversation, None)?)
    }

    fn append(&mut self, id: MessageId, body: &SendMessage, digest: Digest) -> Done<()> {
        let PersonCommand { app, person, conversation, at, .. } = self.command;
        self.context.append(&NewMessage {
            app,
            person,
            conversation,
            id,
            author: Author::Person,
            text: &body.text,
            attachments: &body.attachments,
            visibility: Visibility::All,
            sent_at: body.sent_at,
            digest,
            at,
        })
    }

    fn withdraw(&mut self) -> Done<Applied> {
        let PersonCommand { app, person, conversation, at, .. } = self.command;
        match self.context.standing(app, conversation)? {
            Some(standing) if standing.person != person => {
                return refuse(Code::NotFound, "there is no such conversation for this person");
            }
            Some(standing) if standing.withdrawn_at.is_none() => {
                if self.context.known_message(app, standing.first_message)?.is_some_and(|m| m.retracted_at.is_none()) {
                    self.context.tombstone(app, person, standing.first_message, at)?;
                }
                self.context
                    .conn
                    .prepare_cached("UPDATE conversations SET withdrawn_at = ?3 WHERE app_id = ?1 AND id = ?2")?
                    .execute(params![app.0, conversation.as_bytes(), at.0])?;
                self.context.set_status(app, conversation, Status::Closed)?;
                self.context.touch(app, person, conversation, at, Visibility::All)?;
            }
            Some(_) => {}
            None => match self.withdrawn_unseen()? {
                Some((owner, _)) if owner != *person.as_bytes() => {
                    return refuse(Code::NotFound, "there is no such conversation for this person");
                }
                Some(_) => {}
                None => {
                    self.context
                        .conn
                        .prepare_cached(
                            "INSERT INTO withdrawn_unseen (app_id, id, person_id, withdrawn_at) VALUES (?1, ?2, ?3, ?4)",
                        )?
                        .execute(params![app.0, conversation.as_bytes(), person.as_bytes(), at.0])?;
                }
            },
        }
        done(false, self.today(Kind::Withdrawn, conversation, None)?)
    }

    fn send(&mut self, id: MessageId, body: &SendMessage) -> Done<Applied> {
        let PersonCommand { app, person, conversation, digest, at, .. } = self.command;
        if let Some(known) = self.context.known_message(app, id)? {
            let owner = self.context.standing(app, known.conversation)?.map(|standing| standing.person);
            if owner != Some(person) {
                return refuse(Code::NotFound, "there is no such message for this person");
            }
            if known.digest != digest {
                return refuse(Code::IdReused, "this message id was used before with other content");
            }
            return done(false, Outcome::Message(self.context.message(app, self.reader(), id)?));
        }
        let standing = self.own()?;
        self.context.not_retracted_unseen(app, id)?;
        self.command.check.clone()?;
        self.append(id, body, digest)?;
        let status = rules::status_after_person_wrote(standing.status);
        if status != standing.status {
            self.context.set_status(app, conversation, status)?;
        }
        self.context.touch(app, person, conversation, at, Visibility::All)?;
        done(true, Outcome::Message(self.context.message(app, self.reader(), id)?))
    }

    /// Refuses to change a message that is not the person's own.
    fn own_message(&self, id: MessageId) -> Done<Option<Option<UnixMillis>>> {
        let Some(known) = self.context.known_message(self.command.app, id)? else { return Ok(None) };
        if known.conversation != self.command.conversation || known.visibility == Visibility::Agents {
            return refuse(Code::NotFound, "there is no such message in this conversation");
        }
        if !known.by_person {
            return refuse(Code::Forbidden, "only the person's own messages can change");
        }
        Ok(Some(known.retracted_at))
    }

    fn edit(&mut self, id: MessageId, body: &EditMessage) -> Done<Applied> {
        let PersonCommand { app, person, at, .. } = self.command;
        self.own()?;
        match self.own_message(id)? {
            Some(None) => {}
            Some(Some(_)) => return refuse(Code::MessageRetracted, "the message was taken back"),
            None => {
                self.context.not_retracted_unseen(app, id)?;
                return refuse(Code::NotFound, "there is no such message in this conversation");
            }
        }
        self.command.check.clone()?;
        // An edit changes the words; the files stay.
        let files = self.context.message(app, self.reader(), id)?.content.attachments().to_vec();
        let content = rows::to_json(&Content::with_attachments(body.text.clone(), files))?;
        self.context
            .conn
            .prepare_cached(
                "UPDATE messages SET content = ?3, edited_at = ?4, version = version + 1 WHERE app_id = ?1 AND id = ?2",
            )?
            .execute(params![app.0, id.as_bytes(), content, at.0])?;
        self.context.log_message(app, person, id, Visibility::All)?;
        done(false, Outcome::Message(self.context.message(app, self.reader(), id)?))
    }

    fn retract(&mut self, id: MessageId) -> Done<Applied> {
        let PersonCommand { app, person, conversation, at, .. } = self.command;
        self.own()?;
        match self.own_message(id)? {
            Some(None) => self.context.tombstone(app, person, id, at)?,
            Some(Some(_)) => {}
            None => {
                self.context
                    .conn
                    .prepare_cached(
                        "INSERT INTO retracted_unseen (app_id, id, conversation_id, person_id, retracted_at) \
                         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![app.0, id.as_bytes(), conversation.as_bytes(), person.as_bytes(), at.0])?;
            }
        }
        done(false, self.today(Kind::Retraction, conversation, Some(id))?)
    }

    fn set_status(&mut self, status: Status) -> Done<Applied> {
        let PersonCommand { app, person, conversation, at, .. } = self.command;
        let standing = self.own()?;
        self.command.check.clone()?;
        rules::person_may_set(status)?;
        if standing.status != status {
            self.context.set_status(app, conversation, status)?;
            self.context.touch(app, person, conversation, at, Visibility::All)?;
        }
        done(false, Outcome::Conversation(self.context.conversation(app, self.reader(), conversation)?))
    }

    fn read(&mut self, reported: ReadMarks) -> Done<Applied> {
        let PersonCommand { app, person, conversation, at, .. } = self.command;
        let standing = self.own()?;
        let before = self.receipts()?.person;
        let after = rules::marks_after(before, reported, standing.person_last_seq);
        if after != before {
            self.context.set_marks(app, conversation, "person", after)?;
            self.context.touch(app, person, conversation, at, Visibility::All)?;
        }
        done(false, Outcome::Receipts(self.receipts()?))
    }
}
