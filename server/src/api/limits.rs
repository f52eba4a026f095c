//! Rate limits: a token bucket per person for writes, one per device for logins and pushes, one per address for
//! registration and sign-in. Buckets follow the server's own monotonic clock, so a simulation can fill them by moving
//! its time.

use std::{
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use beistand_protocol::{Code, DeviceId, PersonId, Problem};
use governor::{Quota, RateLimiter, clock::Clock as _, middleware::NoOpMiddleware, state::keyed::DashMapStateStore};

use super::problem::Refusal;
use crate::{clock::Clock, config::LimitsConfig, push::PushConfig, store::AppId};

/// The server's clock in the form that `governor` asks for.
#[derive(Clone)]
struct BucketClock(Arc<dyn Clock>);

impl governor::clock::Clock for BucketClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

/// After so many checks, buckets that are full again are forgotten.
const SWEEP_EVERY: u32 = 4096;

struct Buckets<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, BucketClock, NoOpMiddleware<Duration>>,
    clock: BucketClock,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// `None` if either number is 0: no limit.
    fn new(burst: u32, per_minute: u32, clock: &BucketClock) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute)?).allow_burst(NonZeroU32::new(burst)?);
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), clock.clone());
        Some(Self { limiter, clock: clock.clone(), checks: AtomicU32::new(0) })
    }

    fn spend(&self, key: &K) -> Result<(), Refusal> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            let mut problem = Problem::new(Code::RateLimited, "the allowance is spent for now");
            problem.retry_after = Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1));
            problem.into()
        })
    }
}

/// All rate limits of the server.
pub(crate) struct RateLimits {
    writes: Option<Buckets<(AppId, PersonId)>>,
    registrations: Option<Buckets<IpAddr>>,
    sign_ins: Option<Buckets<IpAddr>>,
    pushes: Option<Buckets<(AppId, DeviceId)>>,
    logins: Option<Buckets<(AppId, DeviceId)>>,
}

impl RateLimits {
    pub(crate) fn new(limits: &LimitsConfig, push: &PushConfig, clock: Arc<dyn Clock>) -> Self {
        let clock = BucketClock(clock);
        Self {
            writes: Buckets::new(limits.burst, limits.writes_per_minute, &clock),
            registrations: Buckets::new(limits.registration_burst, limits.registrations_per_minute, &clock),
            sign_ins: Buckets::new(limits.sign_in_burst, limits.sign_ins_per_minute, &clock),
            pushes: Buckets::new(push.burst, push.per_minute, &clock),
            logins: Buckets::new(limits.login_burst, limits.logins_per_minute, &clock),
        }
    }

    /// A person writes.
    pub(crate) fn write(&self, app: AppId, person: PersonId) -> Result<(), Refusal> {
        self.writes.as_ref().map_or(Ok(()), |buckets| buckets.spend(&(app, person)))
    }

    /// Somebody registers a device. Without a known address (in process) nobody is limited.
    pub(crate) fn registration(&self, address: Option<IpAddr>) -> Result<(), Refusal> {
        spend_address(self.registrations.as_ref(), address)
    }

    /// Whether a device may be woken once more.
    pub(crate) fn push(&self, app: AppId, device: DeviceId) -> bool {
        self.pushes.as_ref().is_none_or(|buckets| buckets.spend(&(app, device)).is_ok())
    }

    /// A device says whose it is.
    pub(crate) fn login(&self, app: AppId, device: DeviceId) -> Result<(), Refusal> {
        self.logins.as_ref().map_or(Ok(()), |buckets| buckets.spend(&(app, device)))
    }

    /// Somebody signs in.
    pub(crate) fn sign_in(&self, address: Option<IpAddr>) -> Result<(), Refusal> {
        spend_address(self.sign_ins.as_ref(), address)
    }
}

fn spend_address(buckets: Option<&Buckets<IpAddr>>, address: Option<IpAddr>) -> Result<(), Refusal> {
    match (buckets, address) {
        (Some(buckets), Some(address)) => buckets.spend(&prefix(address)),
        _ => Ok(()),
    }
}

/// One household has a whole /64 of IPv6: it counts as one address.
pub(crate) fn prefix(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => {
                let mut segments = v6.segments();
                segments[4..].fill(0);
                IpAddr::V6(segments.into())
            }
        },
    }
}
