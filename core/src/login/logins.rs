//! What is remembered of logins for as long as the process lives: the providers and their tokens, whose turn it is, and
//! what is due.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::{Notify, watch};

use super::proof::Proof;
use super::provider::{self, TokenProvider, TokenReason};
use super::{LoginError, token};
use crate::client::Inner;
use crate::outbox::machine::IdentityId;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every value under these locks is whole at any time, and nothing foreign is called while one is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Flight = BoxFuture<'static, Proof>;

/// The means to prove a user.
pub(crate) struct Slot {
    pub subject: String,
    state: Mutex<Means>,
    flights: Mutex<HashMap<IdentityId, WeakShared<Flight>>>,
}

struct Means {
    provider: Option<Arc<dyn TokenProvider>>,
    token: Option<String>,
    refused: Option<LoginError>,
}

impl Slot {
    pub(super) fn new(subject: String, provider: Arc<dyn TokenProvider>, token: String) -> Arc<Self> {
        let state = Mutex::new(Means { provider: Some(provider), token: Some(token), refused: None });
        Arc::new(Self { subject, state, flights: Mutex::default() })
    }

    /// The token that is here.
    pub(super) fn token(&self) -> Option<String> {
        lock(&self.state).token.clone()
    }

    /// The token is of no use any more.
    pub(super) fn token_is_spent(&self) {
        lock(&self.state).token = None;
    }

    /// It is known that asking again makes no sense before the next login.
    pub(super) fn refuse(&self, error: LoginError) {
        lock(&self.state).refused = Some(error);
    }

    pub(super) fn refused(&self) -> Option<LoginError> {
        lock(&self.state).refused
    }

    /// Whether there is anything to prove the user with.
    pub(super) fn is_usable(&self) -> bool {
        let state = lock(&self.state);
        state.refused.is_none() && (state.token.is_some() || state.provider.is_some())
    }

    /// Another token of the same user.
    pub(super) async fn another_token(&self, inner: &Inner, reason: TokenReason) -> Result<String, LoginError> {
        let provider = lock(&self.state).provider.clone().ok_or(LoginError::ProviderFailed)?;
        let turn = inner.logins.turn();
        let fresh = inner.logins.ask(inner, &provider, reason, turn).await?;
        match token::subject(&fresh) {
            Some(subject) if subject == self.subject => {
                lock(&self.state).token = Some(fresh.clone());
                Ok(fresh)
            }
            // Whoever is signed in to the app by now has not been told to us: nothing is proven in their name.
            Some(_) => Err(LoginError::OtherSubject),
            None => Err(LoginError::TokenMalformed),
        }
    }

    /// The proof of an identity that is under way, or a new one: several that want it share it.
    pub(super) fn flight(&self, id: IdentityId, begin: impl FnOnce() -> Flight) -> Shared<Flight> {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&id).and_then(WeakShared::upgrade)
            && flight.peek().is_none()
        {
            return flight;
        }
        let flight = begin().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(id, weak);
        }
        flight
    }
}

/// All logins of a client.
#[derive(Default)]
pub(crate) struct Logins {
    due: Notify,
    pull: AtomicBool,
    /// Counts logins and logouts: what was begun before the last one is moot.
    turn: watch::Sender<u64>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    dropped: Mutex<HashMap<IdentityId, u64>>,
}

impl Logins {
    /// A login or logout begins; whatever asks a provider at this moment gives up.
    pub(super) fn begin(&self) -> u64 {
        let mut mine = 0;
        self.turn.send_modify(|turn| {
            *turn += 1;
            mine = *turn;
        });
        mine
    }

    pub(super) fn turn(&self) -> u64 {
        *self.turn.borrow()
    }

    /// Whether nothing has begun since.
    pub(super) fn is_turn(&self, turn: u64) -> bool {
        self.turn() == turn
    }

    /// Asks a provider, unless another login or logout begins meanwhile. No lock is held.
    pub(super) async fn ask(
        &self,
        inner: &Inner,
        provider: &Arc<dyn TokenProvider>,
        reason: TokenReason,
        turn: u64,
    ) -> Result<String, LoginError> {
        let mut turns = self.turn.subscribe();
        let asked = provider::ask(provider.clone(), reason, inner.settings.token_timeout, inner.inline());
        tokio::select! {
            biased;
            _ = turns.wait_for(|now| *now != turn) => Err(LoginError::Superseded),
            answer = asked => answer,
        }
    }

    pub(super) fn keep(&self, slot: Arc<Slot>) {
        lock(&self.slots).insert(slot.subject.clone(), slot);
    }

    pub(super) fn of(&self, subject: &str) -> Option<Arc<Slot>> {
        lock(&self.slots).get(subject).cloned()
    }

    pub(super) fn forget(&self, subject: &str) {
        lock(&self.slots).remove(subject);
    }

    /// Nobody but this user is asked for any more. With `for_good` nothing of the others is proven either.
    pub(super) fn retire(&self, current: Option<&str>, for_good: bool) {
        let mut slots = lock(&self.slots);
        slots.retain(|subject, slot| {
            let stays = Some(subject.as_str()) == current;
            if !stays {
                lock(&slot.state).provider = None;
            }
            stays || !for_good
        });
    }

    /// Something may be due: a proof, a sign-off.
    pub(crate) fn look(&self) {
        self.due.notify_one();
    }

    pub(super) async fn due(&self) {
        self.due.notified().await;
    }

    pub(super) fn pull_soon(&self) {
        self.pull.store(true, Ordering::SeqCst);
        self.look();
    }

    /// It could not be done: at the next look.
    pub(super) fn pull_later(&self) {
        self.pull.store(true, Ordering::SeqCst);
    }

    pub(super) fn take_pull(&self) -> bool {
        self.pull.swap(false, Ordering::SeqCst)
    }

    /// Writes of an identity were dropped.
    pub(crate) fn count_dropped(&self, id: IdentityId, count: u64) {
        *lock(&self.dropped).entry(id).or_default() += count;
    }

    pub(super) fn dropped(&self, id: IdentityId) -> u64 {
        lock(&self.dropped).get(&id).copied().unwrap_or_default()
    }
}
