//! Applies what the server tells to the local store: a page of sync, the answer to a write, a page of history. Each runs
//! inside one transaction of its caller.

use std::collections::BTreeMap;

use beistand_protocol::{
    Change, ChangeBody, Conversation, ConversationId, KnownChange, Message, MessagePage, OperationId, SyncPage,
    UnixMillis, limits,
};
use rusqlite::Connection;

use super::merge::{self, Authority};
use crate::api::answer::Answer;
use crate::error::StoreError;
use crate::outbox::actions::{self, Acting};
use crate::outbox::machine::{Event, IdentityId};
use crate::outbox::payload::Payload;
use crate::store::identity::SyncState;
use crate::store::{conversations, identity, journal, messages, outbox};

/// What a page has done.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Applied {
    /// Conversations that look different now.
    pub touched: Vec<ConversationId>,
    /// A snapshot of another history began, and this many writes are queued again.
    pub history_changed: Option<u64>,
    /// Whether asking again at once brings more.
    pub has_more: bool,
    /// Whether a snapshot is under way.
    pub in_snapshot: bool,
    /// The page was overtaken and is to be asked for again.
    pub outdated: bool,
    /// What the worker is to be told.
    pub events: Vec<Event>,
}

/// Applies a page, and tells the server of messages that have arrived with it.
pub(crate) fn page(
    connection: &Connection,
    acting: &Acting,
    identity: IdentityId,
    page: &SyncPage,
    known: Option<UnixMillis>,
) -> Result<Applied, StoreError> {
    let mut state = identity::sync_state(connection, identity)?;
    let mut applied = Applied { has_more: page.has_more, ..Applied::default() };
    match page.snapshot {
        Some(part) => {
            if part.first {
                state.snapshot += 1;
                let requeued = journal::requeue_above(connection, identity, &page.lanes, known)?;
                let other_history = state.epoch.as_ref().is_some_and(|epoch| *epoch != page.epoch);
                if other_history {
                    conversations::begin_anew(connection, identity)?;
                }
                if other_history || requeued > 0 {
                    applied.history_changed = Some(requeued);
                }
            }
            snapshot_page(connection, identity, &page.changes, state.snapshot, &mut applied)?;
            applied.in_snapshot = !part.last;
            if part.last {
                end_snapshot(connection, identity, state.snapshot)?;
            }
        }
        None => {
            for change in &page.changes {
                stream_change(connection, identity, change, state.snapshot)?;
                applied.touched.push(change.conversation_id);
            }
        }
    }
    applied.touched.sort_unstable();
    applied.touched.dedup();
    // Nobody reads for those who have left.
    let looks = identity::is_current(connection, identity)?;
    for id in &applied.touched {
        if looks && conversations::exists(connection, *id)? {
            applied.events.extend(actions::mark_delivered(connection, acting, *id)?);
        }
    }
    state = SyncState { cursor: Some(page.cursor.clone()), epoch: Some(page.epoch.clone()), ..state };
    identity::set_sync_state(connection, identity, &state)?;
    Ok(applied)
}

fn snapshot_page(
    connection: &Connection,
    identity: IdentityId,
    changes: &[Change],
    snapshot: i64,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    let mut windows: BTreeMap<ConversationId, Vec<&Message>> = BTreeMap::new();
    for change in changes {
        match &change.body {
            ChangeBody::Known(KnownChange::Conversation { conversation }) => {
                windows.entry(conversation.id).or_default();
            }
            ChangeBody::Known(KnownChange::Message { message }) => {
                windows.entry(message.conversation_id).or_default().push(message);
            }
            ChangeBody::Unknown(_) => keep_unknown(connection, identity, change)?,
        }
    }
    for (id, window) in &mut windows {
        window.sort_by_key(|message| message.seq);
        let here = conversations::local(connection, *id)?;
        let newest_here = conversations::newest_seq(connection, *id)?;
        let places: Vec<_> = window.iter().map(|message| (message.seq, message.id)).collect();
        let whole = window.len() < limits::SNAPSHOT_MESSAGES as usize;
        let plan = merge::plan_window(here, newest_here, &places, whole);
        messages::keep_only(connection, *id, plan.from, &plan.listed)?;
        for message in window {
            put_message(connection, message, Authority::Snapshot)?;
        }
        applied.touched.push(*id);
        for change in changes {
            if let ChangeBody::Known(KnownChange::Conversation { conversation }) = &change.body
                && conversation.id == *id
            {
                put_conversation(connection, identity, conversation, Authority::Snapshot, snapshot)?;
            }
        }
        conversations::set_contiguous_from(connection, *id, plan.contiguous_from)?;
    }
    Ok(())
}

/// What no page held is gone, unless a row of the outbox is about it: then it is an echo again until the row is through.
fn end_snapshot(connection: &Connection, identity: IdentityId, snapshot: i64) -> Result<(), StoreError> {
    for id in conversations::absent(connection, identity, snapshot)? {
        messages::keep_only(connection, id, 1, &[])?;
        conversations::forget_version(connection, id)?;
    }
    conversations::sweep(connection, identity, snapshot)?;
    // Changes that are under way (again) show on top of what the snapshot brought.
    for row in outbox::changes(connection)? {
        match &row.payload {
            Payload::Edit { message, text, .. } => messages::set_pending_text(connection, *message, Some(text))?,
            Payload::Retract { message, .. } => messages::set_pending_retract(connection, *message, true)?,
            Payload::Status { conversation, status, .. } => {
                conversations::set_pending_status(connection, *conversation, Some(*status))?;
            }
            Payload::Withdraw { conversation } => conversations::delete(connection, *conversation)?,
            Payload::Open { .. }
            | Payload::Send { .. }
            | Payload::Read { .. }
            | Payload::FaqFeedback { .. }
            | Payload::FaqReport { .. } => {}
        }
    }
    Ok(())
}

fn stream_change(
    connection: &Connection,
    identity: IdentityId,
    change: &Change,
    snapshot: i64,
) -> Result<(), StoreError> {
    match &change.body {
        ChangeBody::Known(KnownChange::Conversation { conversation }) => {
            put_conversation(connection, identity, conversation, Authority::Stream, snapshot)
        }
        ChangeBody::Known(KnownChange::Message { message }) => put_message(connection, message, Authority::Stream),
        ChangeBody::Unknown(_) => keep_unknown(connection, identity, change),
    }
}

fn put_conversation(
    connection: &Connection,
    identity: IdentityId,
    wire: &Conversation,
    authority: Authority,
    snapshot: i64,
) -> Result<(), StoreError> {
    if wire.withdrawn_at.is_some() {
        return conversations::delete(connection, wire.id);
    }
    let here = conversations::local(connection, wire.id)?;
    // Taken back here, and the server is about to learn of it: it does not come back in between.
    if here.is_none() && outbox::is_withdrawing(connection, wire.id)? {
        return Ok(());
    }
    if merge::takes(here.map(|here| here.version), here.is_some_and(|here| here.at_server), wire.version, authority) {
        conversations::put_server(connection, identity, wire, snapshot)?;
    }
    Ok(())
}

fn put_message(connection: &Connection, wire: &Message, authority: Authority) -> Result<(), StoreError> {
    let here = messages::local(connection, wire.id)?;
    if merge::takes(here.map(|here| here.version), here.is_some_and(|here| here.at_server), wire.version, authority) {
        messages::put_server(connection, wire)?;
    }
    Ok(())
}

fn keep_unknown(connection: &Connection, identity: IdentityId, change: &Change) -> Result<(), StoreError> {
    let body = serde_json::to_string(&change.body).map_err(|_| StoreError::Value("an unknown change"))?;
    conversations::keep_unknown_change(connection, identity, change.seq, change.conversation_id, &body)
}

/// The acknowledgement of a write: the server's word onto the echo, the row into the journal, all or nothing.
pub(crate) fn acknowledgement(
    connection: &Connection,
    identity: IdentityId,
    id: OperationId,
    payload: &Payload,
    answer: Option<&Answer>,
    known: Option<UnixMillis>,
) -> Result<(), StoreError> {
    let still_there = outbox::get(connection, id)?.is_some();
    if !still_there && !identity::is_current(connection, identity)? {
        // The person has logged out and given it up: nothing of it comes back.
        return Ok(());
    }
    identity::count_acknowledgement(connection, identity)?;
    journal::record(connection, id, known.unwrap_or_default())?;
    outbox::delete(connection, id)?;
    let snapshot = identity::sync_state(connection, identity)?.snapshot;
    match answer {
        Some(Answer::Opened(opened)) => {
            // A conversation that was discarded meanwhile stays away; its withdrawal is on the way.
            if still_there {
                put_conversation(connection, identity, &opened.conversation, Authority::Stream, snapshot)?;
                put_message(connection, &opened.message, Authority::Stream)?;
            }
        }
        Some(Answer::Message(message)) if still_there => put_message(connection, message, Authority::Stream)?,
        Some(Answer::Conversation(conversation)) => {
            put_conversation(connection, identity, conversation, Authority::Stream, snapshot)?;
        }
        Some(Answer::Retraction(retraction)) => match &retraction.message {
            Some(message) => put_message(connection, message, Authority::Stream)?,
            None => messages::delete(connection, retraction.id)?,
        },
        Some(Answer::Message(_) | Answer::Withdrawn | Answer::Receipts | Answer::Heard) | None => {}
    }
    clear_echo(connection, payload, answer.is_none())
}

/// Takes away the overlay of a change that is through, unless a newer one of the same sort is still under way.
fn clear_echo(connection: &Connection, payload: &Payload, gone: bool) -> Result<(), StoreError> {
    match payload {
        Payload::Edit { message, .. } => {
            let newer = outbox::about_message(connection, *message)?;
            if !newer.iter().any(|row| matches!(row.payload, Payload::Edit { .. })) {
                messages::set_pending_text(connection, *message, None)?;
            }
        }
        Payload::Retract { message, .. } => {
            messages::set_pending_retract(connection, *message, false)?;
            if gone {
                messages::delete(connection, *message)?;
            }
        }
        Payload::Status { conversation, .. } => {
            let lane = beistand_protocol::Lane::Conversation(*conversation);
            let newer = outbox::of_lane(connection, lane)?;
            if !newer.iter().any(|row| matches!(row.payload, Payload::Status { .. })) {
                conversations::set_pending_status(connection, *conversation, None)?;
            }
        }
        Payload::Withdraw { conversation } => conversations::delete(connection, *conversation)?,
        Payload::Open { .. }
        | Payload::Send { .. }
        | Payload::Read { .. }
        | Payload::FaqFeedback { .. }
        | Payload::FaqReport { .. } => {}
    }
    Ok(())
}

/// A page of history that was asked for below `before`.
pub(crate) fn history(
    connection: &Connection,
    conversation: ConversationId,
    before: u64,
    page: &MessagePage,
) -> Result<(), StoreError> {
    let Some(here) = conversations::local(connection, conversation)? else { return Ok(()) };
    for message in page.messages.iter().filter(|message| message.conversation_id == conversation) {
        put_message(connection, message, Authority::Stream)?;
    }
    let lowest = page.messages.iter().map(|message| message.seq).min();
    let from = merge::after_history(here.contiguous_from, before, lowest, page.has_more);
    conversations::set_contiguous_from(connection, conversation, from)
}
