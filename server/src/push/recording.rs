//! A gateway that delivers nothing and remembers everything: for tests, also those of other servers' operators.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use super::{Push, PushError, PushGateway};
use crate::store::BoxFuture;

/// Remembers what it was asked to deliver.
#[derive(Default)]
pub struct RecordingGateway {
    pushed: Mutex<VecDeque<Push>>,
    answers: Mutex<VecDeque<PushError>>,
    bell: Notify,
}

impl RecordingGateway {
    /// The next push; waits for it.
    pub async fn next(&self) -> Push {
        loop {
            if let Some(push) = self.pushed.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                return push;
            }
            self.bell.notified().await;
        }
    }

    /// Fails once; several calls fail as many pushes, in their order.
    pub fn fail_next(&self, error: PushError) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(error);
    }
}

impl PushGateway for RecordingGateway {
    fn push<'a>(&'a self, push: &'a Push) -> BoxFuture<'a, Result<(), PushError>> {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner).push_back(push.clone());
        self.bell.notify_one();
        let failure = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        Box::pin(std::future::ready(failure.map_or(Ok(()), Err)))
    }
}
