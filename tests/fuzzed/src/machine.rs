//! The outbox machine under any sequence of events, also such as its driver never makes: it never panics, and while a row
//! waits, something is armed.

use std::time::Duration;

use beistand_core::{
    OperationKind,
    clock::Now,
    outbox::{
        Outcome,
        machine::{Event, Machine, Row},
        policy::Policy,
    },
};
use beistand_protocol::{Code, ConversationId, Lane, OperationId, UnixMillis};

/// Bytes, read as a seed and then as events with the time that passes before each.
pub fn outbox_machine(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut machine = Machine::new(Policy::default(), u64::from(bytes.next()));
    let mut now = Now { mono: Duration::from_secs(1), wall: UnixMillis(1_700_000_000_000) };
    while !bytes.0.is_empty() {
        let event = bytes.event(now);
        bytes.pass(&mut now);
        let told = format!("{event:?}");
        let _ = machine.step(event, now);
        assert!(machine.is_armed(now), "rows wait and nothing will wake them after {told}");
        if let Some(wake) = machine.next_wake(now) {
            assert!(wake <= now.mono + Policy::default().timer_limit(), "a timer sleeps too long after {told}");
        }
    }
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One number in 256: most lanes and rows meet each other.
    fn id(&mut self) -> OperationId {
        let byte = self.next();
        OperationId::mint(UnixMillis(i64::from(byte)), [1; 10])
    }

    fn pass(&mut self, now: &mut Now) {
        let byte = self.next();
        let millis = match byte >> 6 {
            0 => 0,
            1 => u64::from(byte & 63) * 10,
            2 => u64::from(byte & 63) * 10_000,
            _ => u64::from(byte & 63) * 3_600_000,
        };
        now.mono += Duration::from_millis(millis);
        // Once in a while the wall clock does something else.
        let wall = match self.next() {
            250 => -86_400_000,
            251 => 86_400_000,
            252 => i64::MAX / 2,
            253 => i64::MIN / 2,
            _ => i64::try_from(millis).unwrap_or(0),
        };
        now.wall = now.wall.plus(wall);
    }

    fn time(&mut self, now: Now) -> UnixMillis {
        let days = i64::from(self.next()) - 128;
        now.wall.plus(days * 3_600_000)
    }

    fn row(&mut self, now: Now) -> Row {
        use OperationKind::{Edit, Feedback, Open, Read, Report, Retract, Send, Status, Withdraw};
        let id = self.id();
        let (place, kind, flags) = (self.next(), self.next(), self.next());
        let conversation = ConversationId::mint(UnixMillis(i64::from(place % 3)), [2; 10]);
        let lane = match place {
            255 => Lane::Faq,
            128.. => Lane::Read(conversation),
            _ => Lane::Conversation(conversation),
        };
        let kinds = [Open, Send, Edit, Retract, Withdraw, Status, Read, Feedback, Report];
        Row {
            id,
            lane,
            lane_seq: u64::from(self.next()),
            kind: kinds[usize::from(kind) % kinds.len()],
            identity: i64::from(flags & 1),
            attempts: u32::from(self.next()),
            wedged: flags & 2 != 0,
            server_errors: if flags & 4 != 0 { 49 } else { 0 },
            server_error_at: (flags & 8 != 0).then(|| self.time(now)),
            files: flags & 32 != 0,
            known_created_at: (flags & 16 != 0).then(|| self.time(now)),
        }
    }

    fn outcome(&mut self) -> Outcome {
        let wait = Duration::from_secs(u64::from(self.next()) * 15);
        match self.next() % 10 {
            0 => Outcome::Stored,
            1 => Outcome::Transient { retry_after: Some(wait), server_error: wait.as_secs().is_multiple_of(2) },
            2 => Outcome::RateLimited { retry_after: wait },
            3 => Outcome::Identity { code: if wait.is_zero() { Code::UnknownDevice } else { Code::Unauthorized } },
            4 => Outcome::UnknownApp,
            5 => Outcome::EpochChanged,
            6 => Outcome::UpdateRequired,
            8 => Outcome::Interrupted,
            9 => Outcome::Unsendable { code: "attachment-gone" },
            _ => {
                let code = Code::ALL[usize::from(self.next()) % Code::ALL.len()];
                Outcome::Refused { code, detail: String::new() }
            }
        }
    }

    fn event(&mut self, now: Now) -> Event {
        match self.next() % 16 {
            0 => {
                let count = self.next() % 5;
                Event::Loaded((0..count).map(|_| self.row(now)).collect())
            }
            1 | 2 => Event::Enqueued(self.row(now)),
            3 => Event::Changed(self.row(now)),
            4 => Event::Removed(self.id()),
            5 => Event::Settled(self.id()),
            6 | 7 => Event::Ended { id: self.id(), outcome: self.outcome() },
            8 => Event::NeverBegan(self.id()),
            9 => Event::NotCommitted(self.id()),
            10 => Event::IdentityReady(i64::from(self.next() & 1)),
            11 => Event::IdentityFailed(i64::from(self.next() & 1)),
            12 => {
                if self.next() & 1 == 0 {
                    Event::Resynced
                } else {
                    Event::ResyncFailed
                }
            }
            13 => Event::ServerTime(self.time(now)),
            14 => Event::EverythingDue,
            _ => Event::Tick,
        }
    }
}
