//! Apps, agents, sessions, API keys, devices.

use beistand_protocol::{
    AgentId, Code, Device, PersonId, UnixMillis,
    agent::{Agent, ApiKey},
};
use rusqlite::{OptionalExtension as _, params};
use subtle::ConstantTimeEq as _;

use super::{Context, Done, done, refuse};
use crate::store::{
    AppId, AppRow, Applied, Outcome, Stream,
    command::RegisterDevice,
    role_name,
    sqlite::{persons, rows::uuid, sync},
};

pub(super) fn add_app(context: &Context<'_>, name: String, key: String, at: UnixMillis) -> Done<Applied> {
    let added = context.conn.execute(
        "INSERT INTO apps (name, key, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![name, key, at.0],
    )?;
    if added == 0 {
        return refuse(Code::IdReused, "an app of this name or key exists already");
    }
    let id = AppId(context.conn.last_insert_rowid());
    done(true, Outcome::App(AppRow { id, name, key }))
}

pub(super) fn add_agent(
    context: &Context<'_>,
    app: AppId,
    agent: Agent,
    password_hash: &str,
    at: UnixMillis,
) -> Done<Applied> {
    let added = context.conn.execute(
        "INSERT INTO agents (app_id, id, name, role, password_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO NOTHING",
        params![app.0, agent.id.as_bytes(), agent.name, role_name(agent.role), password_hash, at.0],
    )?;
    if added == 0 {
        return refuse(Code::IdReused, "an agent of this name exists already");
    }
    done(true, Outcome::Agent(agent))
}

pub(super) fn begin_session(
    context: &Context<'_>,
    app: AppId,
    agent: AgentId,
    token_hash: [u8; 32],
    expires_at: UnixMillis,
    at: UnixMillis,
) -> Done<Applied> {
    context.conn.execute("DELETE FROM sessions WHERE expires_at <= ?1", [at.0])?;
    context.conn.execute(
        "INSERT INTO sessions (token_hash, app_id, agent_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![token_hash, app.0, agent.as_bytes(), at.0, expires_at.0],
    )?;
    done(true, Outcome::Done)
}

pub(super) fn end_session(context: &Context<'_>, token_hash: [u8; 32]) -> Done<Applied> {
    context.conn.execute("DELETE FROM sessions WHERE token_hash = ?1", params![token_hash])?;
    done(false, Outcome::Done)
}

pub(super) fn add_api_key(
    context: &Context<'_>,
    app: AppId,
    agent: AgentId,
    entry: &ApiKey,
    key_hash: [u8; 32],
) -> Done<Applied> {
    context.conn.execute(
        "INSERT INTO api_keys (app_id, id, label, key_hash, agent_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![app.0, entry.id, entry.label, key_hash, agent.as_bytes(), entry.created_at.0],
    )?;
    done(true, Outcome::Done)
}

pub(super) fn remove_api_key(context: &Context<'_>, app: AppId, id: &str) -> Done<Applied> {
    let removed = context.conn.execute("DELETE FROM api_keys WHERE app_id = ?1 AND id = ?2", params![app.0, id])?;
    if removed == 0 {
        return refuse(Code::NotFound, "there is no such API key");
    }
    done(false, Outcome::Done)
}

pub(super) fn register_device(context: &Context<'_>, register: &RegisterDevice) -> Done<Applied> {
    let RegisterDevice { app, device, person, name, secret_hash, platform, locale, at } = register;
    let known = context
        .conn
        .prepare_cached(
            "SELECT person_id, secret_hash, created_at, signed_off_at IS NOT NULL FROM devices \
             WHERE app_id = ?1 AND id = ?2",
        )?
        .query_row(params![app.0, device.as_bytes()], |row| {
            let signed_off: bool = row.get(3)?;
            Ok((PersonId(uuid(row, 0)?), row.get::<_, [u8; 32]>(1)?, UnixMillis(row.get(2)?), signed_off))
        })
        .optional()?;
    if let Some((person, hash, created_at, signed_off)) = known {
        if !bool::from(hash.ct_eq(secret_hash)) {
            return refuse(Code::NotFound, "there is no such device for this secret");
        }
        if signed_off {
            return refuse(Code::Unauthorized, "the device was signed off: register a new one");
        }
        // A phone registers again after an update or a change of language; what it leaves out stays.
        context
            .conn
            .prepare_cached(
                "UPDATE devices SET platform = coalesce(?3, platform), locale = coalesce(?4, locale) \
                 WHERE app_id = ?1 AND id = ?2 AND (platform IS NOT coalesce(?3, platform) \
                 OR locale IS NOT coalesce(?4, locale))",
            )?
            .execute(params![app.0, device.as_bytes(), platform, locale])?;
        set_locale(context, *app, person, locale.as_deref())?;
        let epoch = sync::place(context.conn, *app, Stream::Person(person))?.epoch;
        let subject = persons::subject(context.conn, *app, person)?;
        return done(false, Outcome::Device(Device { id: *device, person_id: person, subject, created_at, epoch }));
    }
    context.conn.execute(
        "INSERT INTO persons (app_id, id, name, locale, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![app.0, person.as_bytes(), name, locale, at.0],
    )?;
    context.conn.execute(
        "INSERT INTO devices (app_id, id, person_id, secret_hash, platform, locale, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![app.0, device.as_bytes(), person.as_bytes(), secret_hash, platform, locale, at.0],
    )?;
    let epoch = sync::place(context.conn, *app, Stream::Person(*person))?.epoch;
    done(true, Outcome::Device(Device { id: *device, person_id: *person, subject: None, created_at: *at, epoch }))
}

fn set_locale(context: &Context<'_>, app: AppId, person: PersonId, locale: Option<&str>) -> Done<()> {
    if locale.is_some() {
        context
            .conn
            .prepare_cached("UPDATE persons SET locale = ?3 WHERE app_id = ?1 AND id = ?2 AND locale IS NOT ?3")?
            .execute(params![app.0, person.as_bytes(), locale])?;
    }
    Ok(())
}
