//! What the machine is told and what it asks for: its events and effects, and what it knows of a row.

use beistand_protocol::{Lane, OperationId, UnixMillis};

use crate::model::OperationKind;
use crate::outbox::outcome::Outcome;

/// Names one of this phone's identities: whom a row is sent as.
pub type IdentityId = i64;

/// What the machine knows of a row.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The operation.
    pub id: OperationId,
    /// Its queue.
    pub lane: Lane,
    /// Its place there.
    pub lane_seq: u64,
    /// What it does.
    pub kind: OperationKind,
    /// Whom it is sent as.
    pub identity: IdentityId,
    /// Failed attempts.
    pub attempts: u32,
    /// Whether it is wedged.
    pub wedged: bool,
    /// Server errors in a row.
    pub server_errors: u32,
    /// The server's time of the first of them.
    pub server_error_at: Option<UnixMillis>,
    /// The server's time when it was written.
    pub known_created_at: Option<UnixMillis>,
    /// Whether files have to be at the server before it.
    pub files: bool,
}

/// What happens to the machine.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// The rows as they are stored now: at the start, and after another process has written. Replaces what was known,
    /// but for requests under way.
    Loaded(Vec<Row>),
    /// A row was committed.
    Enqueued(Row),
    /// A row was committed in another form: edited, retried.
    Changed(Row),
    /// A row is gone: discarded or cancelled. If its request is under way, its lane waits for the end of it.
    Removed(OperationId),
    /// What [`Effect::Acknowledge`], [`Effect::Drop`] or [`Effect::BecomeEdit`] asked for is committed: the row is gone and
    /// its lane goes on.
    Settled(OperationId),
    /// An attempt has ended.
    Ended {
        /// Which row.
        id: OperationId,
        /// What that means.
        outcome: Outcome,
    },
    /// An attempt never began: its row is gone or no longer to be sent.
    NeverBegan(OperationId),
    /// What an effect asked for could not be committed, as on a full disk.
    NotCommitted(OperationId),
    /// The identity may send.
    IdentityReady(IdentityId),
    /// Whom the identity speaks for is to be found out before it sends again.
    IdentityUnsure(IdentityId),
    /// The identity may not send for now; its registration failed.
    IdentityFailed(IdentityId),
    /// The snapshot after a change of history is whole.
    Resynced,
    /// It failed and is to be tried again.
    ResyncFailed,
    /// The server told its time; the argument is the known time that follows from it.
    ServerTime(UnixMillis),
    /// Everything is due: start, resume, connectivity, foreground, push, socket connected, a tap on retry.
    EverythingDue,
    /// The timer went off.
    Tick,
}

/// What the driver is to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Freeze the row, mark it as perhaps stored, commit, and send it.
    Send(OperationId),
    /// Upload the row's files, as far as that is not done yet, then the same as [`Effect::Send`].
    Upload(OperationId),
    /// Commit the acknowledgement, then tell [`Event::Settled`].
    Acknowledge(OperationId),
    /// Commit that the row is wedged.
    Wedge {
        /// Which row.
        id: OperationId,
        /// Why: a code of the server, `expired` or `poison`.
        code: String,
        /// One sentence for developers.
        detail: String,
    },
    /// Nobody sees this row and the server refuses it: delete it, then tell [`Event::Settled`].
    Drop(OperationId),
    /// The server has seen higher numbers of this lane, which this phone has forgotten: number the lane anew, read all
    /// rows, then tell [`Event::NotCommitted`], so that it is tried again after a wait.
    Renumber(OperationId),
    /// The server holds the id with other words, which this phone sent before they were rewritten: replace the row by an
    /// edit, then tell [`Event::Settled`] and [`Event::Enqueued`].
    BecomeEdit(OperationId),
    /// Commit the count of attempts; losing it does no harm.
    Requeue {
        /// Which row, as it is now.
        row: Row,
        /// When it is due, by the phone's clock; to show, not to act on.
        next_attempt_at: UnixMillis,
    },
    /// Make the identity acceptable: register the device, ask the host for a token. One at a time.
    PrepareIdentity(IdentityId),
    /// Read everything anew from the server, queue again what it lacks, then tell [`Event::Resynced`].
    Resync,
    /// Tell the app.
    Report(Report),
}

/// What the machine has to tell an app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// The server wants a newer app.
    UpdateRequired,
    /// The server does not know the app key.
    UnknownApp,
    /// The server does not accept this installation.
    CredentialRefused,
}
