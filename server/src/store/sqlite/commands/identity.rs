//! Keys, logins, sign-offs. A login is one transaction: before it the anonymous person has everything, after it the user
//! has, and no write falls between.

use beistand_protocol::{Code, ConversationId, DeviceId, Identity, PersonId, UnixMillis};
use rusqlite::{OptionalExtension as _, params};

use super::{Context, Done, done, refuse};
use crate::{
    identity::{KeyMaterial, Login},
    store::{
        ACTIVE_KEYS, AppId, Applied, Farewell, IdentityCommand, Outcome, Stream,
        sqlite::{persons, rows::uuid, sync},
    },
};

pub(super) fn apply(context: &mut Context<'_>, command: IdentityCommand) -> Done<Applied> {
    match command {
        IdentityCommand::AddKey { app, kid, material, at } => add_key(context, app, &kid, &material, at),
        IdentityCommand::RevokeKey { app, kid, at } => revoke_key(context, app, &kid, at),
        IdentityCommand::LogIn { app, device, login } => context.log_in(app, device, &login),
        IdentityCommand::SignOff { app, device, at } => sign_off(context, app, device, at),
    }
}

fn add_key(context: &Context<'_>, app: AppId, kid: &str, material: &KeyMaterial, at: UnixMillis) -> Done<Applied> {
    let active: usize = context.conn.query_row(
        "SELECT count(*) FROM identity_keys WHERE app_id = ?1 AND revoked_at IS NULL",
        [app.0],
        |row| row.get(0),
    )?;
    let known = context
        .conn
        .prepare_cached("SELECT 1 FROM identity_keys WHERE app_id = ?1 AND kid = ?2")?
        .exists(params![app.0, kid])?;
    if known {
        return refuse(Code::IdReused, "the app has, or had, a key of this name: choose another");
    }
    if active >= ACTIVE_KEYS {
        return refuse(Code::IdReused, "the app has two active keys already: revoke one first");
    }
    context.conn.execute(
        "INSERT INTO identity_keys (app_id, kid, algorithm, material, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![app.0, kid, material.algorithm().name(), material.bytes(), at.0],
    )?;
    done(true, Outcome::Done)
}

fn revoke_key(context: &Context<'_>, app: AppId, kid: &str, at: UnixMillis) -> Done<Applied> {
    let found = context.conn.execute(
        "UPDATE identity_keys SET revoked_at = coalesce(revoked_at, ?3), material = x'' WHERE app_id = ?1 AND kid = ?2",
        params![app.0, kid, at.0],
    )?;
    if found == 0 {
        return refuse(Code::NotFound, "the app has no key of this name");
    }
    done(false, Outcome::Done)
}

fn sign_off(context: &mut Context<'_>, app: AppId, device: DeviceId, at: UnixMillis) -> Done<Applied> {
    let person = context
        .conn
        .prepare_cached(
            "UPDATE devices SET signed_off_at = coalesce(signed_off_at, ?3) WHERE app_id = ?1 AND id = ?2 \
             RETURNING person_id",
        )?
        .query_row(params![app.0, device.as_bytes(), at.0], |row| Ok(PersonId(uuid(row, 0)?)))
        .optional()?;
    let Some(person) = person else {
        return refuse(Code::UnknownDevice, "this app does not know the device");
    };
    context
        .conn
        .prepare_cached("DELETE FROM push_tokens WHERE app_id = ?1 AND device_id = ?2")?
        .execute(params![app.0, device.as_bytes()])?;
    context.farewells.push(Farewell { app, person, device: Some(device) });
    done(false, Outcome::Done)
}

impl Context<'_> {
    fn log_in(&mut self, app: AppId, device: DeviceId, login: &Login) -> Done<Applied> {
        let known = self
            .conn
            .prepare_cached("SELECT person_id, signed_off_at IS NOT NULL FROM devices WHERE app_id = ?1 AND id = ?2")?
            .query_row(params![app.0, device.as_bytes()], |row| Ok((PersonId(uuid(row, 0)?), row.get::<_, bool>(1)?)))
            .optional()?;
        let person = match known {
            Some((person, false)) => person,
            Some((_, true)) => return refuse(Code::Unauthorized, "the device was signed off"),
            None => return refuse(Code::UnknownDevice, "this app does not know the device"),
        };
        let (user, merged) = match persons::subject(self.conn, app, person)? {
            Some(subject) if subject == login.subject => (person, false),
            Some(_) => return refuse(Code::OtherUser, "the device belongs to another user: register a new one"),
            None => match self.user(app, &login.subject)? {
                Some(user) => {
                    self.merge(app, person, user)?;
                    (user, true)
                }
                None => {
                    self.conn
                        .prepare_cached("UPDATE persons SET subject = ?3 WHERE app_id = ?1 AND id = ?2")?
                        .execute(params![app.0, person.as_bytes(), login.subject])?;
                    self.tell_agents(app, person)?;
                    (person, false)
                }
            },
        };
        let name = self.rename(app, user, login.name.as_deref())?;
        let epoch = sync::place(self.conn, app, Stream::Person(user))?.epoch;
        let subject = login.subject.clone();
        done(merged, Outcome::Identity(Identity { person_id: user, subject, name, epoch, merged }))
    }

    fn user(&self, app: AppId, subject: &str) -> Done<Option<PersonId>> {
        Ok(self
            .conn
            .prepare_cached("SELECT id FROM persons WHERE app_id = ?1 AND subject = ?2")?
            .query_row(params![app.0, subject], |row| Ok(PersonId(uuid(row, 0)?)))
            .optional()?)
    }

    /// Gives the user the name of the newest token that had one; what it is now.
    fn rename(&mut self, app: AppId, user: PersonId, name: Option<&str>) -> Done<Option<String>> {
        let changed = name.is_some()
            && self
                .conn
                .prepare_cached("UPDATE persons SET name = ?3 WHERE app_id = ?1 AND id = ?2 AND name IS NOT ?3")?
                .execute(params![app.0, user.as_bytes(), name])?
                > 0;
        if changed {
            self.tell_agents(app, user)?;
        }
        Ok(self
            .conn
            .prepare_cached("SELECT name FROM persons WHERE app_id = ?1 AND id = ?2")?
            .query_row(params![app.0, user.as_bytes()], |row| row.get(0))?)
    }

    /// Agents see who writes with each conversation: each has changed for them, and for them alone.
    fn tell_agents(&mut self, app: AppId, person: PersonId) -> Done<()> {
        let ids = self
            .conn
            .prepare_cached(
                "UPDATE conversations SET version = version + 1 WHERE app_id = ?1 AND person_id = ?2 RETURNING id",
            )?
            .query_map(params![app.0, person.as_bytes()], |row| Ok(ConversationId(uuid(row, 0)?)))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for id in ids {
            self.log(app, Stream::Agents, 0, id.as_bytes())?;
        }
        Ok(())
    }

    /// Makes an anonymous person an alias of a user. What tells a replay (operations, lanes) belongs to devices and stays
    /// with them; the person's devices speak for the user from now on.
    fn merge(&mut self, app: AppId, anonymous: PersonId, user: PersonId) -> Done<()> {
        self.tell_agents(app, anonymous)?;
        self.move_stream(app, anonymous, user)?;
        // Files before conversations: those in messages are found through them. CROSS JOIN, since SQLite keeps its order:
        // the other one would look at every message of the app.
        for moving in [
            "UPDATE attachments SET person_id = ?3 WHERE app_id = ?1 AND person_id = ?2 AND message_id IN \
             (SELECT m.id FROM conversations c CROSS JOIN messages m ON m.app_id = c.app_id AND m.conversation_id = c.id \
             WHERE c.app_id = ?1 AND c.person_id = ?2)",
            "UPDATE attachments SET person_id = ?3 WHERE app_id = ?1 AND person_id = ?2 AND message_id IS NULL",
            "UPDATE conversations SET person_id = ?3 WHERE app_id = ?1 AND person_id = ?2",
            "UPDATE withdrawn_unseen SET person_id = ?3 WHERE app_id = ?1 AND person_id = ?2",
            "UPDATE retracted_unseen SET person_id = ?3 WHERE app_id = ?1 AND person_id = ?2",
            "UPDATE devices SET person_id = ?3 WHERE app_id = ?1 AND person_id = ?2",
            // Of two opinions on an article the newer one stays.
            "DELETE FROM faq_feedback WHERE app_id = ?1 AND person_id = ?3 AND EXISTS (SELECT 1 FROM faq_feedback o \
             WHERE o.app_id = ?1 AND o.person_id = ?2 AND o.article = faq_feedback.article \
             AND o.locale = faq_feedback.locale AND o.at >= faq_feedback.at)",
            "UPDATE OR IGNORE faq_feedback SET person_id = ?3 WHERE app_id = ?1 AND person_id = ?2",
            // The device of the login is the user's newest: its language is theirs.
            "UPDATE persons SET locale = coalesce((SELECT a.locale FROM persons a WHERE a.app_id = ?1 AND a.id = ?2), \
             locale) WHERE app_id = ?1 AND id = ?3",
            "UPDATE persons SET alias_of = ?3 WHERE app_id = ?1 AND id = ?2",
        ] {
            self.conn.prepare_cached(moving)?.execute(params![app.0, anonymous.as_bytes(), user.as_bytes()])?;
        }
        self.conn
            .prepare_cached("DELETE FROM faq_feedback WHERE app_id = ?1 AND person_id = ?2")?
            .execute(params![app.0, anonymous.as_bytes()])?;
        self.farewells.push(Farewell { app, person: anonymous, device: None });
        Ok(())
    }

    /// Appends one stream to another. The epoch changes for every device of the user: a cursor of either stream says
    /// nothing about what the other one held. The seq goes on above both, so that no phone takes a hint for an old one.
    fn move_stream(&mut self, app: AppId, from: PersonId, to: PersonId) -> Done<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO streams (app_id, stream, seq, epoch) \
                 VALUES (?1, ?3, coalesce((SELECT seq FROM streams WHERE app_id = ?1 AND stream = ?2), 0), 1) \
                 ON CONFLICT (app_id, stream) DO UPDATE SET seq = max(seq, excluded.seq), epoch = epoch + 1",
            )?
            .execute(params![app.0, from.as_bytes(), to.as_bytes()])?;
        self.conn
            .prepare_cached(
                "INSERT INTO changes (app_id, stream, kind, resource, seq) \
                 SELECT app_id, ?3, kind, resource, row_number() OVER (ORDER BY seq) + \
                 (SELECT seq FROM streams WHERE app_id = ?1 AND stream = ?3) \
                 FROM changes WHERE app_id = ?1 AND stream = ?2",
            )?
            .execute(params![app.0, from.as_bytes(), to.as_bytes()])?;
        let seq = self
            .conn
            .prepare_cached(
                "UPDATE streams SET seq = seq + 1 + (SELECT count(*) FROM changes WHERE app_id = ?1 AND stream = ?2) \
                 WHERE app_id = ?1 AND stream = ?3 RETURNING seq",
            )?
            .query_row(params![app.0, from.as_bytes(), to.as_bytes()], |row| row.get(0))?;
        for gone in ["changes", "streams"] {
            self.conn
                .prepare_cached(&format!("DELETE FROM {gone} WHERE app_id = ?1 AND stream = ?2"))?
                .execute(params![app.0, from.as_bytes()])?;
        }
        self.hints.push(crate::store::Hint { app, stream: Stream::Person(to), seq });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use crate::store::sqlite::open;

    #[test]
    fn a_merge_knows_every_table_that_names_a_person() {
        let mut conn = Connection::open_in_memory().unwrap();
        open::migrate(&mut conn).unwrap();
        let mut tables = conn
            .prepare(
                "SELECT t.name FROM sqlite_schema t, pragma_table_info(t.name) c \
                 WHERE t.type = 'table' AND c.name = 'person_id' ORDER BY t.name",
            )
            .unwrap();
        let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        // A new one belongs into `merge`, and into a test of what goes along.
        let known = ["attachments", "conversations", "devices", "faq_feedback", "retracted_unseen", "withdrawn_unseen"];
        assert_eq!(tables, known);
    }
}
