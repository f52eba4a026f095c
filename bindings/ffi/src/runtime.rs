//! The library's own runtime, made with the first call that needs it. A foreign executor only waits: dropping its future in
//! the middle leaves the work on the runtime, or ends it where the call says that it can be cancelled.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::error::FfiError;

/// One for disk and network each: a support desk never needs more of a phone.
const WORKERS: usize = 2;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static MAKING: Mutex<()> = Mutex::new(());

/// The runtime, made if it is not there yet.
fn runtime() -> Result<&'static Runtime, FfiError> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if RUNTIME.get().is_none() {
        let number = AtomicUsize::new(1);
        let made = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name_fn(move || format!("beistand-{}", number.fetch_add(1, Ordering::Relaxed)))
            .enable_all()
            .build();
        let made = made.map_err(|_| FfiError::internal("the system gives no threads"))?;
        let _ = RUNTIME.set(made);
    }
    RUNTIME.get().ok_or_else(|| FfiError::internal("the runtime is gone"))
}

/// Runs the work to its end on the runtime, whether anybody waits for it or not.
pub(crate) async fn run<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, FfiError>
where
    T: Send + 'static,
    E: Into<FfiError> + Send + 'static,
{
    // On the heap: a future of the core may be large, and a foreign stack small.
    let task = runtime()?.spawn(Box::pin(work));
    match task.await {
        Ok(done) => done.map_err(Into::into),
        Err(error) if error.is_panic() => Err(FfiError::panicked()),
        Err(_) => Err(FfiError::cancelled()),
    }
}

/// The same for work that may be given up in the middle: by the handle, or by dropping the future.
pub(crate) async fn run_until<T, E>(
    cancel: Option<Arc<FfiCancel>>,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, FfiError>
where
    T: Send + 'static,
    E: Into<FfiError> + Send + 'static,
{
    let token = cancel.map_or_else(CancellationToken::new, |cancel| cancel.token.child_token());
    let _given_up = token.clone().drop_guard();
    run(async move {
        tokio::select! {
            biased;
            () = token.cancelled() => Err(FfiError::cancelled()),
            done = work => done.map_err(Into::into),
        }
    })
    .await
}

/// Starts work that nobody waits for.
pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = runtime() {
        runtime.spawn(work);
    }
}

/// Calls something that may want to start a task, without making the runtime for it: before the first asynchronous call
/// there is nothing to start. A panic ends here.
pub(crate) fn enter(work: impl FnOnce()) {
    let guarded = AssertUnwindSafe(|| {
        let _inside = RUNTIME.get().map(Runtime::enter);
        work();
    });
    if catch_unwind(guarded).is_err() {
        tracing::error!("a call has panicked");
    }
}

/// Calls something that answers at once. A panic becomes an error.
pub(crate) fn guarded<T, E: Into<FfiError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, FfiError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(FfiError::panicked()),
    }
}

/// Ends a call that waits: give it to the call, and cancel it from anywhere. One handle may be given to several calls.
#[derive(uniffi::Object)]
pub struct FfiCancel {
    token: CancellationToken,
    _alive: Alive,
}

#[uniffi::export]
impl FfiCancel {
    /// A handle that is not cancelled yet.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { token: CancellationToken::new(), _alive: Alive::new() })
    }

    /// The calls that have it end with `Cancelled`, those to come as well.
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

static ALIVE: AtomicI64 = AtomicI64::new(0);

/// Counts the objects that the foreign side holds.
pub(crate) struct Alive(());

impl Alive {
    pub(crate) fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many objects of this library are alive in the process: for tests that look for a leak.
#[uniffi::export]
pub fn live_handles() -> i64 {
    ALIVE.load(Ordering::SeqCst)
}
