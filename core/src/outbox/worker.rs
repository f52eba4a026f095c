//! Drives the machine: carries out its effects and tells it what came of them. One worker a data folder, by a lock of the
//! operating system; another process may write rows, and the holder notices.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use beistand_protocol::operation::{EPOCH_HEADER, OPERATION_ID_HEADER, OPERATION_ORDER_HEADER};
use beistand_protocol::{Code, Epoch, OperationId};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, oneshot};

use super::machine::{Effect, Event, Machine, Report};
use super::outcome::{self, Outcome};
use super::policy::Policy;
use super::{actions, payload::Payload};
use crate::api::answer::{self, Answer};
use crate::api::transport::{Body, Request, Response, TransportError};
use crate::attachments::sweep;
use crate::attachments::upload::{self, End};
use crate::client::Inner;
use crate::clock::Now;
use crate::error::StoreError;
use crate::login;
use crate::model::{ClientEvent, Connection};
use crate::observe::StoreChange;
use crate::outbox::machine::IdentityId;
use crate::store::outbox::Preparation;
use crate::store::{identity, leaving, outbox};
use crate::sync::{apply, puller};

/// Held by the process that works through the outbox of a folder.
pub(crate) const LOCK_FILE: &str = "worker.lock";

/// What the worker is told from outside.
pub(crate) enum WorkerMessage {
    /// Something was committed.
    Tell(Vec<Event>),
    /// Rows were written that nobody told of: read them all.
    Reload,
    /// Stop: nothing new, requests under way are dropped, the lock is given back.
    Pause(oneshot::Sender<()>),
}

/// An acknowledged request, kept until its acknowledgement is committed.
struct Acknowledged {
    identity: IdentityId,
    payload: Payload,
    answer: Option<Answer>,
    /// The history that the request named.
    epoch: Option<Epoch>,
}

#[derive(Default)]
struct Done {
    events: Vec<Event>,
    acknowledged: Option<(OperationId, Acknowledged)>,
    /// Rows were written that the machine has not been told of: read them all before the events.
    reload: bool,
}

impl Done {
    fn tell(events: Vec<Event>) -> Self {
        Self { events, ..Self::default() }
    }
}

/// Runs until the client is paused or gone.
pub(crate) async fn run(inner: Arc<Inner>, mut messages: mpsc::UnboundedReceiver<WorkerMessage>) {
    loop {
        let Some(lock) = wait_for_lock(&inner, &mut messages).await else { return };
        let mut worker = Worker::new(inner.clone());
        let ended = worker.work(&mut messages).await;
        drop(worker);
        drop(lock);
        match ended {
            Ended::Paused(done) => {
                let _ = done.send(());
                return;
            }
            Ended::Gone => return,
            Ended::StoreFailed => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

enum Ended {
    Paused(oneshot::Sender<()>),
    Gone,
    /// The rows could not be read; tried again from the start.
    StoreFailed,
}

/// Waits until this process is the worker of the folder. `None` if the client is paused or gone before that.
async fn wait_for_lock(
    inner: &Arc<Inner>,
    messages: &mut mpsc::UnboundedReceiver<WorkerMessage>,
) -> Option<Option<File>> {
    if inner.storage.vfs.is_some() {
        return Some(None);
    }
    let path = inner.settings.folder.join(LOCK_FILE);
    let mut seen = None;
    loop {
        let attempt = File::options().create(true).truncate(false).write(true).open(&path);
        if let Ok(file) = attempt
            && file.try_lock().is_ok()
        {
            return Some(Some(file));
        }
        // The lock is given back when its holder ends; what is told meanwhile is in the database. What the holder writes
        // is shown here as well.
        if inner.settings.watch_folder.is_some()
            && let Ok(version) = inner.database.data_version().await
            && seen.replace(version).is_some_and(|seen| seen != version)
        {
            let _ = inner.look_who().await;
            inner.changes.announce(StoreChange::Everything);
        }
        let next_try = tokio::time::sleep(Duration::from_millis(200));
        tokio::select! {
            biased;
            message = messages.recv() => match message {
                Some(WorkerMessage::Pause(done)) => {
                    let _ = done.send(());
                    return None;
                }
                Some(WorkerMessage::Tell(_) | WorkerMessage::Reload) => {}
                None => return None,
            },
            () = next_try => {}
        }
    }
}

struct Worker {
    inner: Arc<Inner>,
    machine: Machine,
    under_way: FuturesUnordered<BoxFuture<'static, Done>>,
    acknowledged: HashMap<OperationId, Acknowledged>,
    data_version: Option<i64>,
}

impl Worker {
    fn new(inner: Arc<Inner>) -> Self {
        let mut seed = [0; 8];
        inner.entropy.fill(&mut seed);
        let machine = Machine::new(Policy::default(), u64::from_le_bytes(seed));
        let (under_way, acknowledged) = (FuturesUnordered::new(), HashMap::new());
        Self { inner, machine, under_way, acknowledged, data_version: None }
    }

    async fn work(&mut self, messages: &mut mpsc::UnboundedReceiver<WorkerMessage>) -> Ended {
        if let Err(error) = self.inner.database.write(outbox::nothing_is_under_way).await {
            return self.store_failed(&error);
        }
        if let Err(error) = self.load().await {
            return self.store_failed(&error);
        }
        // Files matter less than rows: they are looked after beside the work.
        let swept = self.inner.clone();
        self.under_way.push(Box::pin(async move {
            sweep::everything(&swept).await;
            Done::default()
        }));
        let mut look = self.inner.settings.watch_folder.map(tokio::time::interval);
        loop {
            let now = Now::read(&*self.inner.clock);
            let wake = self.machine.next_wake(now).map(|at| at.saturating_sub(now.mono));
            tokio::select! {
                biased;
                message = messages.recv() => match message {
                    Some(WorkerMessage::Tell(events)) => self.feed(events),
                    Some(WorkerMessage::Reload) => {
                        if let Err(error) = self.load().await {
                            return self.store_failed(&error);
                        }
                    }
                    Some(WorkerMessage::Pause(done)) => {
                        // Requests under way are given up: their rows are marked as perhaps stored.
                        self.under_way.clear();
                        let _ = self.inner.database.write(outbox::nothing_is_under_way).await;
                        return Ended::Paused(done);
                    }
                    None => return Ended::Gone,
                },
                Some(done) = self.under_way.next(), if !self.under_way.is_empty() => {
                    if let Some((id, acknowledged)) = done.acknowledged {
                        self.acknowledged.insert(id, acknowledged);
                    }
                    if self.inner.report_recoveries() {
                        // Whom the rescued rows speak for may be lost: then a fresh identity takes the place.
                        let _ = self.inner.identity().await;
                    }
                    // Read here, where no message can overtake it: a row that is told of later is in the rows already, or
                    // comes behind them.
                    if done.reload && let Err(error) = self.load().await {
                        return self.store_failed(&error);
                    }
                    self.feed(done.events);
                }
                () = tokio::time::sleep(wake.unwrap_or_default()), if wake.is_some() => self.feed(vec![Event::Tick]),
                _ = tick(&mut look), if look.is_some() => {
                    if let Err(error) = self.notice_others().await {
                        return self.store_failed(&error);
                    }
                }
            }
        }
    }

    fn store_failed(&self, error: &StoreError) -> Ended {
        tracing::warn!(%error, "the outbox cannot be read; trying again");
        self.inner.emit(ClientEvent::TaskFailed { task: "outbox" });
        if matches!(error, StoreError::Closed) { Ended::Gone } else { Ended::StoreFailed }
    }

    async fn load(&mut self) -> Result<(), StoreError> {
        self.data_version = Some(self.inner.database.data_version().await?);
        let rows = self.inner.database.write(outbox::load).await?;
        self.feed(vec![Event::Loaded(rows)]);
        Ok(())
    }

    /// Reads the rows anew if another process has committed.
    async fn notice_others(&mut self) -> Result<(), StoreError> {
        if self.data_version != Some(self.inner.database.data_version().await?) {
            self.load().await?;
            let _ = self.inner.look_who().await;
            self.inner.changes.announce(StoreChange::Everything);
        }
        Ok(())
    }

    fn feed(&mut self, events: Vec<Event>) {
        for event in events {
            let now = Now::read(&*self.inner.clock);
            // Neither events nor effects hold a person's words.
            tracing::trace!(?event);
            for effect in self.machine.step(event, now) {
                tracing::trace!(?effect);
                self.carry_out(effect);
            }
            debug_assert!(self.machine.is_armed(now), "rows wait and nothing will wake them");
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let inner = self.inner.clone();
        match effect {
            Effect::Send(id) => self.under_way.push(Box::pin(send(inner, id))),
            Effect::Upload(id) => self.under_way.push(Box::pin(upload_and_send(inner, id))),
            Effect::Acknowledge(id) => {
                let acknowledged = self.acknowledged.remove(&id);
                self.under_way.push(Box::pin(acknowledge(inner, id, acknowledged)));
            }
            Effect::Drop(id) => self.under_way.push(Box::pin(async move {
                let deleted = inner.database.write(move |connection| outbox::delete(connection, id)).await;
                inner.logins.look();
                match deleted {
                    Ok(_) => Done::tell(vec![Event::Settled(id)]),
                    Err(_) => Done::tell(vec![Event::NotCommitted(id)]),
                }
            })),
            Effect::Wedge { id, code, detail } => {
                self.under_way.push(Box::pin(async move {
                    match wedge(&inner, id, code, detail).await {
                        Some(Stopped::Waits) => return Done::default(),
                        Some(Stopped::Dropped) => {
                            return Done { events: vec![Event::Removed(id)], acknowledged: None, reload: true };
                        }
                        None => {}
                    }
                    // What is not committed is not so: read the row as it stands, and let the server refuse it again.
                    Done { events: vec![Event::NotCommitted(id)], acknowledged: None, reload: true }
                }));
            }
            Effect::Renumber(id) => self.under_way.push(Box::pin(async move {
                let now = inner.clock.wall();
                let _ = inner.database.write(move |connection| outbox::renumber(connection, id, now)).await;
                Done { events: vec![Event::NotCommitted(id)], acknowledged: None, reload: true }
            })),
            Effect::BecomeEdit(id) => self.under_way.push(Box::pin(become_edit(inner, id))),
            Effect::Requeue { row, next_attempt_at } => self.under_way.push(Box::pin(async move {
                let written =
                    inner.database.write(move |connection| outbox::requeue(connection, &row, next_attempt_at)).await;
                if written.is_ok() {
                    inner.changes.announce(StoreChange::Everything);
                }
                Done::default()
            })),
            Effect::PrepareIdentity(identity) => self.under_way.push(Box::pin(async move {
                match login::prepare(&inner, identity).await {
                    Ok(()) => Done::tell(with_time(&inner, vec![Event::IdentityReady(identity)])),
                    Err(_) => Done::tell(vec![Event::IdentityFailed(identity)]),
                }
            })),
            Effect::Resync => self.under_way.push(Box::pin(async move {
                let events = match puller::pull_everybody(&inner).await {
                    Ok(()) => with_time(&inner, vec![Event::Resynced]),
                    Err(_) => vec![Event::ResyncFailed],
                };
                Done { events, acknowledged: None, reload: true }
            })),
            Effect::Report(report) => inner.emit(match report {
                Report::UpdateRequired => ClientEvent::UpdateRequired,
                Report::UnknownApp => ClientEvent::UnknownApp,
                Report::CredentialRefused => ClientEvent::CredentialRefused,
            }),
        }
    }
}

async fn tick(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

fn with_time(inner: &Inner, mut events: Vec<Event>) -> Vec<Event> {
    if let Some(known) = inner.known_time() {
        events.insert(0, Event::ServerTime(known));
    }
    events
}

/// Brings the files of a row over, and then the row.
async fn upload_and_send(inner: Arc<Inner>, id: OperationId) -> Done {
    let brought = match upload::bring_files(&inner, id).await {
        Ok(brought) => brought,
        // What has become of the row is found out by preparing it.
        Err(End::NotNow) => false,
        Err(End::Store) => return Done::tell(vec![Event::NotCommitted(id)]),
        Err(End::Outcome(outcome)) => {
            let reached = !matches!(outcome, Outcome::Transient { .. } | Outcome::Interrupted);
            inner.connection.set(if reached { Connection::Online } else { Connection::Offline });
            return Done::tell(with_time(&inner, vec![Event::Ended { id, outcome }]));
        }
    };
    let mut done = send(inner.clone(), id).await;
    for event in &mut done.events {
        // The server lacks files that it once had, as after a restored backup: they are brought over again. If it lacks
        // what was brought a moment ago, that does not help.
        if let Event::Ended { outcome, .. } = event
            && upload::lacks_files(outcome)
            && !brought
            && inner.database.write(move |connection| outbox::forget_uploads(connection, id)).await.is_ok()
        {
            *outcome = Outcome::transient();
        }
    }
    done
}

async fn send(inner: Arc<Inner>, id: OperationId) -> Done {
    let (now, known) = (inner.clock.wall(), inner.known_time());
    let (config, announced) = inner.app_config();
    let prepared = inner
        .database
        .write(move |connection| {
            let Some(stored) = outbox::get(connection, id)? else { return Ok(None) };
            let row = stored.row.clone();
            let identity = identity::by_id(connection, row.identity)?.ok_or(StoreError::Value("an identity"))?;
            let epoch = identity::sync_state(connection, identity.id)?.epoch;
            let (device, config) = (identity.credential.device, announced.then_some(&config));
            let preparation = outbox::prepare(connection, stored, device, now, known, config)?;
            Ok(Some((row, preparation, identity.credential, epoch)))
        })
        .await;
    let (speaks, prepared, credential, epoch) = match prepared {
        Ok(Some((row, Preparation::Ready(prepared), credential, epoch))) => (row.identity, prepared, credential, epoch),
        Ok(Some((row, Preparation::Wedged, ..))) => {
            return Done::tell(vec![Event::NeverBegan(id), Event::Changed(row)]);
        }
        Ok(Some((_, Preparation::NotHead, ..))) => {
            return Done { events: vec![Event::NeverBegan(id)], acknowledged: None, reload: true };
        }
        Ok(None) => return Done::tell(vec![Event::NeverBegan(id), Event::Removed(id)]),
        Err(_) => return Done::tell(vec![Event::NotCommitted(id)]),
    };
    inner.changes.announce(StoreChange::of(prepared.payload.conversation()));
    let request = request(id, &prepared, credential, epoch.clone());
    let answer = inner.transport.send(request).await;
    judge(&inner, id, speaks, prepared.payload, epoch, &answer)
}

fn request(
    id: OperationId,
    prepared: &outbox::Prepared,
    credential: beistand_protocol::Credential,
    epoch: Option<Epoch>,
) -> Request {
    let mut headers = vec![(OPERATION_ID_HEADER, id.to_string()), (OPERATION_ORDER_HEADER, prepared.order.to_string())];
    if let Some(epoch) = epoch {
        headers.push((EPOCH_HEADER, epoch.0));
    }
    Request {
        method: prepared.wire.method,
        path: prepared.wire.path.clone(),
        headers,
        credential: Some(credential),
        body: prepared.wire.body.clone().map(Body::Json),
    }
}

fn judge(
    inner: &Inner,
    id: OperationId,
    identity: IdentityId,
    payload: Payload,
    epoch: Option<Epoch>,
    answer: &Result<Response, TransportError>,
) -> Done {
    let mut understood = None;
    // A date in an answer is held against the server's time, if it is known: the phone's clock may be wrong.
    let now = inner.known_time().unwrap_or_else(|| inner.clock.wall());
    let outcome = outcome::classify(
        answer,
        |response| {
            understood = answer::read(&payload, &response.body);
            understood.is_some()
        },
        now,
        &Policy::default(),
    );
    // Only an answer that is surely our server's may tell the time.
    let ours = !matches!(outcome, Outcome::Transient { .. });
    if ours && let Ok(response) = answer {
        inner.server_told_time(response);
    }
    inner.connection.set(if ours { Connection::Online } else { Connection::Offline });
    let gone_already = matches!(outcome, Outcome::Refused { code: Code::NotFound, .. });
    let acknowledged = (outcome == Outcome::Stored || gone_already)
        .then_some((id, Acknowledged { identity, payload, answer: understood, epoch }));
    let events = vec![Event::Ended { id, outcome }];
    Done { events: if ours { with_time(inner, events) } else { events }, acknowledged, reload: false }
}

async fn acknowledge(inner: Arc<Inner>, id: OperationId, acknowledged: Option<Acknowledged>) -> Done {
    let Some(Acknowledged { identity, payload, answer, epoch: sent_under }) = acknowledged else {
        return Done::tell(vec![Event::NotCommitted(id)]);
    };
    let (known, told) = (inner.known_time(), inner.told_time());
    let change = StoreChange::of(payload.conversation());
    let committed = inner
        .database
        .write(move |connection| {
            // The server may have come back from a backup while the answer was on its way: what it acknowledged then is
            // not in the history of now, and is sent again.
            let now_under = identity::sync_state(connection, identity)?.epoch;
            if sent_under.is_some() && sent_under != now_under {
                return Err(StoreError::Value("the acknowledgement belongs to another history"));
            }
            apply::acknowledgement(connection, identity, id, &payload, answer.as_ref(), known)?;
            if let Some(told) = told {
                crate::store::meta::set_told_time(connection, told)?;
            }
            Ok(())
        })
        .await;
    inner.changes.announce(change);
    if inner.shown() != identity {
        inner.logins.look();
    }
    match committed {
        Ok(()) => Done::tell(vec![Event::Settled(id)]),
        Err(error) => {
            tracing::warn!(%error, "an acknowledgement could not be stored; the write is repeated");
            Done::tell(vec![Event::NotCommitted(id)])
        }
    }
}

/// What has become of a row that was refused.
enum Stopped {
    /// It waits for its person.
    Waits,
    /// Its person has logged out and cannot decide on it: it is gone.
    Dropped,
}

/// Stops a row; `None` if that could not be committed.
async fn wedge(inner: &Inner, id: OperationId, code: String, detail: String) -> Option<Stopped> {
    let reported = code.clone();
    let written = inner
        .database
        .write(move |connection| {
            let Some(row) = outbox::get(connection, id)? else { return Ok((None, None)) };
            let whose = row.row.identity;
            if identity::is_current(connection, row.row.identity)? {
                outbox::wedge(connection, id, &code, &detail)?;
                return Ok((row.payload.conversation(), None));
            }
            Ok((None, Some((whose, leaving::drop_row(connection, &row)?))))
        })
        .await;
    let (conversation, dropped) = written.ok()?;
    let Some((whose, discarded)) = dropped else {
        if let Some(conversation_id) = conversation {
            inner.changes.announce(StoreChange::Conversation(conversation_id));
            inner.emit(ClientEvent::Wedged { conversation_id, code: reported });
        }
        return Some(Stopped::Waits);
    };
    tracing::warn!(code = %reported, discarded, "a write of a user who has logged out was refused");
    inner.emit(ClientEvent::LeftUnsent { discarded });
    inner.logins.count_dropped(whose, discarded);
    inner.logins.look();
    Some(Stopped::Dropped)
}

async fn become_edit(inner: Arc<Inner>, id: OperationId) -> Done {
    let acting = match inner.acting().await {
        Ok(acting) => acting,
        Err(_) => return Done::tell(vec![Event::NotCommitted(id)]),
    };
    let become_edit = inner.database.write(move |connection| actions::become_edit(connection, &acting, id)).await;
    inner.changes.announce(StoreChange::Everything);
    match become_edit {
        Ok(Some(mut events)) => {
            events.insert(0, Event::Settled(id));
            Done::tell(events)
        }
        Ok(None) => {
            let code = Code::IdReused;
            match wedge(&inner, id, code.as_str().to_owned(), code.title().to_owned()).await {
                Some(Stopped::Waits) => {}
                Some(Stopped::Dropped) => {
                    return Done { events: vec![Event::Settled(id)], acknowledged: None, reload: true };
                }
                None => return Done { events: vec![Event::NotCommitted(id)], acknowledged: None, reload: true },
            }
            let row = inner.database.read(move |connection| outbox::get(connection, id)).await;
            let changed = row.ok().flatten().map(|row| Event::Changed(row.row));
            Done::tell(changed.into_iter().chain([Event::NeverBegan(id)]).collect())
        }
        Err(_) => Done::tell(vec![Event::NotCommitted(id)]),
    }
}
