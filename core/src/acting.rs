//! Who acts, and who is shown: every write speaks for one identity, decided inside its own transaction, and only what is
//! the current identity's reaches the app.

use std::sync::Arc;

use beistand_protocol::ConversationId;

use crate::client::{Inner, lock};
use crate::error::{Error, ErrorKind, Result, StoreError};
use crate::login::Who;
use crate::model::Typing;
use crate::observe::StoreChange;
use crate::outbox::actions::Acting;
use crate::outbox::machine::{Event, IdentityId};
use crate::realtime::RealtimeMessage;
use crate::store::identity::{self, Identity};
use crate::store::outbox::Bounds;

impl Inner {
    /// Runs a write of a person: one transaction, then the worker is told and observers are woken.
    pub async fn act<F>(self: &Arc<Self>, conversation: Option<ConversationId>, work: F) -> Result<()>
    where
        F: FnOnce(&rusqlite::Connection, &Acting) -> std::result::Result<Vec<Event>, StoreError> + Send + 'static,
    {
        self.act_announcing(Some(StoreChange::of(conversation)), work).await
    }

    /// The same for what nobody looks at: only the worker is told.
    pub async fn act_unseen<F>(self: &Arc<Self>, work: F) -> Result<()>
    where
        F: FnOnce(&rusqlite::Connection, &Acting) -> std::result::Result<Vec<Event>, StoreError> + Send + 'static,
    {
        self.act_announcing(None, work).await
    }

    async fn act_announcing<F>(self: &Arc<Self>, change: Option<StoreChange>, work: F) -> Result<()>
    where
        F: FnOnce(&rusqlite::Connection, &Acting) -> std::result::Result<Vec<Event>, StoreError> + Send + 'static,
    {
        self.started().await?;
        self.act_as(self.shown(), change, work).await
    }

    /// A write in the name of whoever was shown when the person began it: if somebody else has taken the phone over
    /// meanwhile, it is refused rather than said in their name.
    pub async fn act_as<F>(self: &Arc<Self>, whom: IdentityId, change: Option<StoreChange>, work: F) -> Result<()>
    where
        F: FnOnce(&rusqlite::Connection, &Acting) -> std::result::Result<Vec<Event>, StoreError> + Send + 'static,
    {
        let acting = self.acting_as(IdentityId::default());
        // The worker is told from the commit itself: in the order of commits, and even if the caller has given up.
        let inner = self.clone();
        let tell = Box::new(move |events: &Vec<Event>| {
            inner.tell_worker(events.clone());
            if let Some(change) = &change {
                inner.changes.announce(change.clone());
            }
        });
        // Whom the write speaks for is read inside its own transaction: a question to a reader before it would cost as
        // much as a quarter of the commit.
        let inner = self.clone();
        let work = move |connection: &rusqlite::Connection| {
            let identity = inner.identity_within(connection)?.id;
            if identity != whom {
                let why = "another user has taken over meanwhile; nothing was stored";
                return Err(Error::new(ErrorKind::TooLate, why).into());
            }
            work(connection, &Acting { identity, ..acting })
        };
        let committed = self.database.write_and_tell(work, Some(tell)).await;
        self.report_recoveries();
        if matches!(&committed, Err(StoreError::Rule(error)) if error.kind == ErrorKind::TooLate) {
            // Another process may have changed it.
            let _ = self.look_who().await;
        }
        committed?;
        Ok(())
    }

    /// Whose content is shown.
    pub fn shown(&self) -> IdentityId {
        *lock(&self.shown)
    }

    /// From now on this identity is shown, and nothing of another. Called in the order of commits.
    pub fn show(&self, identity: &Identity) {
        let switched = {
            let mut shown = lock(&self.shown);
            let switched = std::mem::replace(&mut *shown, identity.id) != identity.id;
            if switched {
                self.typing.set(Vec::new());
            }
            switched
        };
        if switched {
            self.transfers.forget();
            self.tell_realtime(RealtimeMessage::Switched);
            self.push_due.notify_one();
        }
        self.who.set(Who { subject: identity.subject.clone(), confirmed: identity.confirmed });
        self.logins.look();
    }

    /// Shows who types, unless another identity is shown by now than the one that was told.
    pub fn show_typing(&self, told: IdentityId, typing: Vec<Typing>) {
        let shown = lock(&self.shown);
        if *shown == told {
            self.typing.set(typing);
        }
    }

    /// Looks whether another process has changed who is current.
    pub async fn look_who(&self) -> Result<()> {
        let identity = self.identity().await?;
        let other = identity.id != self.shown();
        self.show(&identity);
        if other {
            self.changes.announce(StoreChange::Everything);
        }
        Ok(())
    }

    pub async fn acting(&self) -> Result<Acting> {
        Ok(self.acting_as(self.identity().await?.id))
    }

    pub fn acting_as(&self, identity: IdentityId) -> Acting {
        Acting {
            identity,
            now: self.clock.wall(),
            born: self.birth_time(),
            bounds: Bounds {
                items: self.settings.outbox_items,
                bytes: self.settings.outbox_bytes,
                file_bytes: self.settings.outbox_file_bytes,
            },
            entropy: self.entropy.clone(),
        }
    }

    /// The current identity; a fresh one if a damaged database has lost it.
    pub async fn identity(&self) -> Result<Identity> {
        if let Some(identity) = self.database.read(identity::current).await? {
            return Ok(identity);
        }
        let (now, fresh) = (self.clock.wall(), self.fresh_credential());
        Ok(self.database.write(move |connection| identity::ensure(connection, fresh, now.0)).await?)
    }

    /// The same inside a transaction that is under way.
    pub fn identity_within(&self, connection: &rusqlite::Connection) -> std::result::Result<Identity, StoreError> {
        match identity::current(connection)? {
            Some(identity) => Ok(identity),
            None => identity::ensure(connection, self.fresh_credential(), self.clock.wall().0),
        }
    }
}
