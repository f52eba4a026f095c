//! The outbox machine: which row leaves when, and what the end of an attempt leads to. Pure: it takes an event and the
//! time and returns effects; it knows neither network nor database.
//!
//! It holds the metadata of every row, never a text. Its driver commits first and tells afterwards, so that whatever is
//! lost in between is found again by reading the rows at the next start.
//!
//! **Invariant**, checked by [`Machine::is_armed`]: while a row waits that is not wedged, something is under way that
//! will end (a request, a registration, a sync) or a timer is armed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use beistand_protocol::{Code, Lane, OperationId, UnixMillis};

use crate::clock::Now;
use crate::model::OperationKind;
use crate::outbox::outcome::Outcome;
use crate::outbox::policy::Policy;

mod interface;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod rule_tests;

pub use interface::{Effect, Event, IdentityId, Report, Row};

/// Ages are counted in days: looking at every row once a minute is plenty.
const AGES_EVERY_MS: i64 = 60_000;

/// A lane whose numbers the server has passed is numbered anew; if that does not help within so many attempts, a person
/// has to look.
const RENUMBERINGS: u32 = 10;

#[derive(Clone, PartialEq, Debug)]
enum Standing {
    Unknown,
    Preparing,
    Ready,
    FailedUntil(Duration),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resync {
    No,
    Running,
    FailedUntil(Duration),
}

#[derive(Clone, PartialEq, Debug, Default)]
struct LaneState {
    rows: BTreeMap<u64, Row>,
    in_flight: Option<OperationId>,
    not_before: Duration,
}

/// Stops a row until its person decides.
fn wedge(row: &mut Row, code: &str, detail: impl Into<String>) -> Effect {
    row.wedged = true;
    Effect::Wedge { id: row.id, code: code.to_owned(), detail: detail.into() }
}

impl LaneState {
    /// Whether what is under way here has files.
    fn uploads(&self) -> bool {
        self.in_flight.is_some_and(|id| self.rows.values().any(|row| row.id == id && row.files))
    }
}

/// The state. Clone it to look ahead; equal histories give equal states.
#[derive(Clone, Debug)]
pub struct Machine {
    policy: Policy,
    chance: fastrand::Rng,
    lanes: BTreeMap<Lane, LaneState>,
    places: HashMap<OperationId, (Lane, u64)>,
    identities: BTreeMap<IdentityId, (Standing, u32)>,
    resync: Resync,
    resync_failures: u32,
    /// Nothing is sent before this moment: the server asked all of us to wait, or wants a newer app.
    closed_until: Duration,
    known_time: Option<UnixMillis>,
    /// The server's time of the last acknowledgement: shows that the server works while one row fails.
    last_success: Option<UnixMillis>,
    /// The known time at which ages were last looked at.
    ages_checked: Option<UnixMillis>,
    /// Where the last round of lanes stopped, so that all of them get their turn.
    turn: Option<Lane>,
    last_clocks: Option<Now>,
}

impl Machine {
    /// An empty machine. The seed decides the jitter.
    pub fn new(policy: Policy, seed: u64) -> Self {
        Self {
            policy,
            chance: fastrand::Rng::with_seed(seed),
            lanes: BTreeMap::new(),
            places: HashMap::new(),
            identities: BTreeMap::new(),
            resync: Resync::No,
            resync_failures: 0,
            closed_until: Duration::ZERO,
            known_time: None,
            last_success: None,
            ages_checked: None,
            turn: None,
            last_clocks: None,
        }
    }

    /// Takes an event and returns what is to be done, in order.
    pub fn step(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.clock_jumped(now) {
            self.everything_due();
        }
        match event {
            Event::Loaded(rows) => self.load(rows),
            Event::Enqueued(row) => {
                // A new row is a sign of life: its lane need not sit out an old wait. What nobody waits for stays a moment,
                // since the next one often takes its place: *delivered* becomes *read* when somebody looks.
                let stays =
                    if row.lane.is_background() { now.mono + self.policy.background_wait } else { Duration::ZERO };
                self.lane(row.lane).not_before = stays;
                self.insert(row);
            }
            Event::Changed(row) => {
                self.lane(row.lane).not_before = Duration::ZERO;
                self.remove(row.id);
                self.insert(row);
            }
            Event::Removed(id) => {
                self.remove(id);
            }
            Event::Settled(id) => {
                self.release(id);
                self.remove(id);
            }
            Event::Ended { id, outcome } => self.ended(id, outcome, now, &mut effects),
            Event::NeverBegan(id) => self.release(id),
            Event::NotCommitted(id) => self.fail(id, None, false, now, &mut effects),
            Event::IdentityReady(identity) => {
                // The count of refusals stays until something was stored: a server that registers a device and then
                // refuses its writes must not be asked in a tight loop.
                self.identities.entry(identity).or_insert((Standing::Unknown, 0)).0 = Standing::Ready;
                self.everything_due();
            }
            Event::IdentityUnsure(identity) => {
                let (standing, _) = self.identities.entry(identity).or_insert((Standing::Unknown, 0));
                if *standing == Standing::Ready {
                    *standing = Standing::Unknown;
                }
            }
            Event::IdentityFailed(identity) => {
                let failures = self.identities.get(&identity).map_or(0, |(_, failures)| *failures).saturating_add(1);
                let until = now.mono + self.policy.wait(failures, self.chance.f64());
                self.identities.insert(identity, (Standing::FailedUntil(until), failures));
            }
            Event::Resynced => {
                self.resync = Resync::No;
                self.resync_failures = 0;
                self.everything_due();
            }
            Event::ResyncFailed => {
                self.resync_failures = self.resync_failures.saturating_add(1);
                let wait = self.policy.wait(self.resync_failures, self.chance.f64());
                self.resync = Resync::FailedUntil(now.mono + wait);
            }
            Event::ServerTime(time) => self.server_time(time, &mut effects),
            Event::EverythingDue => self.everything_due(),
            Event::Tick => {}
        }
        self.dispatch(now, &mut effects);
        effects
    }

    /// When the timer must go off; `None` if nothing waits for time.
    pub fn next_wake(&self, now: Now) -> Option<Duration> {
        let mut wake: Option<Duration> = None;
        let mut at = |moment: Duration| wake = Some(wake.map_or(moment, |wake| wake.min(moment)));
        match self.resync {
            Resync::FailedUntil(until) if self.nothing_in_flight() => at(until),
            Resync::FailedUntil(_) | Resync::Running => {}
            Resync::No => {
                // What was due at the last step and did not leave waits for the end of a request, not for time.
                let looked_at = self.last_clocks.filter(|_| !self.nothing_in_flight()).map(|clocks| clocks.mono);
                for (state, head) in self.waiting_lanes() {
                    let due = match self.identities.get(&head.identity) {
                        Some((Standing::Preparing, _)) => continue,
                        Some((Standing::FailedUntil(until), _)) => (*until).max(state.not_before),
                        _ => state.not_before,
                    };
                    let due = due.max(self.closed_until);
                    if looked_at.is_none_or(|looked_at| due > looked_at) {
                        at(due);
                    }
                }
            }
        }
        // Whatever asked for a longer wait, the queue looks up at least this often.
        wake.map(|moment| moment.min(now.mono + self.policy.timer_limit()))
    }

    /// The invariant of the module text.
    pub fn is_armed(&self, now: Now) -> bool {
        let waits = self.waiting_lanes().next().is_some();
        let under_way = self.lanes.values().any(|lane| lane.in_flight.is_some())
            || self.resync == Resync::Running
            || self.identities.values().any(|(standing, _)| *standing == Standing::Preparing);
        !waits || under_way || self.next_wake(now).is_some()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn nothing_in_flight(&self) -> bool {
        self.lanes.values().all(|lane| lane.in_flight.is_none())
    }

    /// Lanes whose head could be sent but for time and standing.
    fn waiting_lanes(&self) -> impl Iterator<Item = (&LaneState, &Row)> {
        self.lanes.values().filter(|lane| lane.in_flight.is_none()).filter_map(|lane| {
            let head = lane.rows.values().next()?;
            (!head.wedged).then_some((lane, head))
        })
    }

    fn lane(&mut self, lane: Lane) -> &mut LaneState {
        self.lanes.entry(lane).or_default()
    }

    fn insert(&mut self, row: Row) {
        self.places.insert(row.id, (row.lane, row.lane_seq));
        self.lane(row.lane).rows.insert(row.lane_seq, row);
    }

    fn remove(&mut self, id: OperationId) -> Option<Row> {
        let (lane, seq) = self.places.remove(&id)?;
        let state = self.lanes.get_mut(&lane)?;
        let row = state.rows.remove(&seq);
        if state.rows.is_empty() && state.in_flight.is_none() {
            self.lanes.remove(&lane);
        }
        row
    }

    fn row_mut(&mut self, id: OperationId) -> Option<&mut Row> {
        let (lane, seq) = self.places.get(&id)?;
        self.lanes.get_mut(lane)?.rows.get_mut(seq)
    }

    /// The request of this row is over, whatever became of the row.
    fn release(&mut self, id: OperationId) {
        self.lanes.retain(|_, lane| {
            if lane.in_flight == Some(id) {
                lane.in_flight = None;
            }
            lane.in_flight.is_some() || !lane.rows.is_empty()
        });
    }

    fn load(&mut self, rows: Vec<Row>) {
        let under_way: Vec<(Lane, OperationId, Duration)> = self
            .lanes
            .iter()
            .filter_map(|(lane, state)| state.in_flight.map(|id| (*lane, id, state.not_before)))
            .collect();
        self.lanes.clear();
        self.places.clear();
        for row in rows {
            self.insert(row);
        }
        for (lane, id, not_before) in under_way {
            let state = self.lane(lane);
            state.in_flight = Some(id);
            state.not_before = not_before;
        }
    }

    fn clock_jumped(&mut self, now: Now) -> bool {
        let Some(before) = self.last_clocks.replace(now) else { return false };
        let passed = i64::try_from(now.mono.saturating_sub(before.mono).as_millis()).unwrap_or(i64::MAX);
        let drift = now.wall.since(before.wall).saturating_sub(passed);
        drift.unsigned_abs() > u64::try_from(self.policy.clock_jump.as_millis()).unwrap_or(u64::MAX)
    }

    fn everything_due(&mut self) {
        self.closed_until = Duration::ZERO;
        for lane in self.lanes.values_mut() {
            lane.not_before = Duration::ZERO;
        }
        for (standing, _) in self.identities.values_mut() {
            if matches!(standing, Standing::FailedUntil(_)) {
                *standing = Standing::Unknown;
            }
        }
        if let Resync::FailedUntil(until) = &mut self.resync {
            *until = Duration::ZERO;
        }
    }

    fn server_time(&mut self, time: UnixMillis, effects: &mut Vec<Effect>) {
        self.known_time = self.known_time.max(Some(time));
        let Some(known) = self.known_time else { return };
        if self.ages_checked.is_some_and(|checked| known.since(checked) < AGES_EVERY_MS) {
            return;
        }
        self.ages_checked = Some(known);
        let max_age = i64::try_from(self.policy.max_age.as_millis()).unwrap_or(i64::MAX);
        let flying: Vec<OperationId> = self.lanes.values().filter_map(|lane| lane.in_flight).collect();
        for row in self.lanes.values_mut().flat_map(|lane| lane.rows.values_mut()) {
            let created = *row.known_created_at.get_or_insert(known);
            // What a person thinks of an article does not go stale: the answer is read once there is a network again.
            if known.since(created) <= max_age || row.wedged || flying.contains(&row.id) || row.lane == Lane::Faq {
                continue;
            }
            if row.lane.is_background() {
                effects.push(Effect::Drop(row.id));
            } else {
                effects.push(wedge(row, "expired", "it has waited longer than a week by the server's time"));
            }
        }
    }

    fn ended(&mut self, id: OperationId, outcome: Outcome, now: Now, effects: &mut Vec<Effect>) {
        match outcome {
            Outcome::Stored => {
                // The lane stays taken until the acknowledgement is committed.
                self.last_success = self.known_time;
                if let Some(identity) = self.row_mut(id).map(|row| row.identity)
                    && let Some((_, failures)) = self.identities.get_mut(&identity)
                {
                    *failures = 0;
                }
                effects.push(Effect::Acknowledge(id));
            }
            Outcome::Transient { retry_after, server_error } => {
                self.fail(id, retry_after, server_error, now, effects);
            }
            Outcome::Interrupted => {
                // It got further than before: the next break is the first again.
                if let Some(row) = self.row_mut(id) {
                    row.attempts = 0;
                }
                self.fail(id, None, false, now, effects);
            }
            Outcome::Unsendable { code } => {
                if let Some(row) = self.row_mut(id) {
                    effects.push(wedge(row, code, "a file of the message is gone from this phone, or no longer whole"));
                }
                self.release(id);
            }
            Outcome::RateLimited { retry_after } => {
                self.release(id);
                self.closed_until = self.closed_until.max(now.mono + retry_after);
                self.requeue(id, self.closed_until, now, effects);
            }
            Outcome::UnknownApp => {
                effects.push(Effect::Report(Report::UnknownApp));
                self.fail(id, Some(self.policy.longest_wait), false, now, effects);
                self.closed_until = self.closed_until.max(now.mono + self.policy.longest_wait);
            }
            Outcome::UpdateRequired => {
                self.release(id);
                effects.push(Effect::Report(Report::UpdateRequired));
                self.closed_until = self.closed_until.max(now.mono + self.policy.longest_wait);
                self.requeue(id, self.closed_until, now, effects);
            }
            Outcome::Identity { code } => {
                self.release(id);
                if let Some(identity) = self.row_mut(id).map(|row| row.identity) {
                    if code == Code::Unauthorized {
                        effects.push(Effect::Report(Report::CredentialRefused));
                    }
                    self.identity_refused(identity, now);
                }
                self.requeue(id, now.mono, now, effects);
            }
            Outcome::EpochChanged => {
                self.release(id);
                if self.resync == Resync::No {
                    self.resync = Resync::FailedUntil(now.mono);
                }
                self.requeue(id, now.mono, now, effects);
            }
            Outcome::Refused { code, detail } => self.refused(id, code, detail, effects),
        }
    }

    /// A credential that was accepted a moment ago is prepared again at once; one that fails again and again waits
    /// between the tries.
    fn identity_refused(&mut self, identity: IdentityId, now: Now) {
        let (standing, failures) = self.identities.entry(identity).or_insert((Standing::Unknown, 0));
        if *standing == Standing::Preparing {
            return;
        }
        *failures = failures.saturating_add(1);
        *standing = if *failures == 1 {
            Standing::Unknown
        } else {
            Standing::FailedUntil(now.mono + self.policy.wait(*failures, self.chance.f64()))
        };
    }

    fn refused(&mut self, id: OperationId, code: Code, detail: String, effects: &mut Vec<Effect>) {
        let Some(row) = self.row_mut(id) else { return self.release(id) };
        let gone_already =
            code == Code::NotFound && matches!(row.kind, OperationKind::Retract | OperationKind::Withdraw);
        // Read marks are told again with the next ones; what is said about an article is not.
        let renumbered =
            code == Code::OperationSuperseded && row.attempts < RENUMBERINGS && !matches!(row.lane, Lane::Read(_));
        if renumbered {
            effects.push(Effect::Renumber(id));
        } else if row.lane.is_background() {
            effects.push(Effect::Drop(id));
        } else if gone_already {
            effects.push(Effect::Acknowledge(id));
        } else if code == Code::IdReused
            && matches!(row.kind, OperationKind::Open | OperationKind::Send | OperationKind::Edit)
        {
            // The driver knows whether the row was rewritten; if it was not, it wedges it.
            effects.push(Effect::BecomeEdit(id));
        } else {
            effects.push(wedge(row, code.as_str(), detail));
            self.release(id);
        }
    }

    fn fail(
        &mut self,
        id: OperationId,
        retry_after: Option<Duration>,
        server_error: bool,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let (policy, known, last_success) = (self.policy, self.known_time, self.last_success);
        let chance = self.chance.f64();
        let Some(row) = self.row_mut(id) else { return self.release(id) };
        row.attempts = row.attempts.saturating_add(1);
        if server_error {
            row.server_errors = row.server_errors.saturating_add(1);
            let since = *row.server_error_at.get_or_insert(known.unwrap_or_default());
            let lasted = known.map_or(0, |known| known.since(since));
            let long_enough = u128::try_from(lasted).unwrap_or(0) >= policy.poison_after.as_millis();
            let others_pass = last_success.is_some_and(|success| success > since);
            if row.server_errors >= policy.poison_attempts && long_enough && others_pass {
                if row.lane.is_background() {
                    // Nobody is asked about it, and what stands behind it has waited for a day.
                    effects.push(Effect::Drop(id));
                } else {
                    effects.push(wedge(row, "poison", "the server failed on this one for a day while others passed"));
                    self.release(id);
                }
                return;
            }
        }
        let wait = policy.wait(row.attempts, chance).max(retry_after.unwrap_or_default());
        self.release(id);
        self.requeue(id, now.mono + wait, now, effects);
    }

    fn requeue(&mut self, id: OperationId, not_before: Duration, now: Now, effects: &mut Vec<Effect>) {
        let Some(row) = self.row_mut(id).map(|row| row.clone()) else { return };
        self.lane(row.lane).not_before = not_before;
        let wait = i64::try_from(not_before.saturating_sub(now.mono).as_millis()).unwrap_or(i64::MAX);
        effects.push(Effect::Requeue { row, next_attempt_at: now.wall.plus(wait) });
    }

    /// Starts what is due: a resync before everything, an identity before its rows, then lanes in turn.
    fn dispatch(&mut self, now: Now, effects: &mut Vec<Effect>) {
        match self.resync {
            Resync::Running => return,
            Resync::FailedUntil(until) => {
                // Requests under way end first: what they bring belongs to the old history.
                if until <= now.mono && self.nothing_in_flight() {
                    self.resync = Resync::Running;
                    effects.push(Effect::Resync);
                }
                return;
            }
            Resync::No => {}
        }
        if self.closed_until > now.mono {
            return;
        }
        let mut flying = self.lanes.values().filter(|lane| lane.in_flight.is_some()).count();
        let mut background =
            self.lanes.iter().filter(|(lane, state)| lane.is_background() && state.in_flight.is_some()).count();
        let mut uploads = self.lanes.values().filter(|lane| lane.uploads()).count();
        // Visible lanes first, then background ones; each beginning where the last round stopped.
        for wanted_background in [false, true] {
            let mut order: Vec<Lane> = self
                .lanes
                .iter()
                .filter(|(lane, state)| {
                    lane.is_background() == wanted_background
                        && state.in_flight.is_none()
                        && state.not_before <= now.mono
                })
                .map(|(lane, _)| *lane)
                .collect();
            if let Some(turn) = self.turn {
                let split = order.partition_point(|lane| *lane <= turn);
                order.rotate_left(split);
            }
            for lane in order {
                if flying >= self.policy.in_flight
                    || (wanted_background && background >= self.policy.background_in_flight)
                {
                    break;
                }
                let Some(head) = self.lanes.get(&lane).and_then(|state| state.rows.values().next()) else { continue };
                if head.wedged {
                    continue;
                }
                let (id, identity, files) = (head.id, head.identity, head.files);
                // Files share the line with words: a few of them leave at a time, and the other lanes have room.
                if files && uploads >= self.policy.uploads_in_flight {
                    continue;
                }
                if !self.identity_is_ready(identity, now, effects) {
                    continue;
                }
                self.lane(lane).in_flight = Some(id);
                flying += 1;
                uploads += usize::from(files);
                background += usize::from(wanted_background);
                self.turn = Some(lane);
                effects.push(if files { Effect::Upload(id) } else { Effect::Send(id) });
            }
        }
    }

    fn identity_is_ready(&mut self, identity: IdentityId, now: Now, effects: &mut Vec<Effect>) -> bool {
        let (standing, _) = self.identities.entry(identity).or_insert((Standing::Unknown, 0));
        match standing {
            Standing::Ready => true,
            Standing::Preparing => false,
            Standing::FailedUntil(until) if *until > now.mono => false,
            Standing::Unknown | Standing::FailedUntil(_) => {
                *standing = Standing::Preparing;
                effects.push(Effect::PrepareIdentity(identity));
                false
            }
        }
    }
}
