//! Who is connected. Each connection has a state that says how it stands: whether a request is under way, and when it
//! last moved. By that the register lets in, refuses, and closes what only holds a place. It reads no clock: whoever
//! asks says the time, so that the rules can be tested.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::api::limits::prefix;

/// Milliseconds since the listener began.
pub(crate) type Millis = u64;

/// Why a connection is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// All places are taken by connections that are at work.
    Full,
    /// The address has all that one address may have.
    Address,
}

/// What bounds the connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) most: usize,
    /// 0 for no limit.
    pub(crate) per_address: u32,
    /// From the beginning to the first request.
    pub(crate) header: Duration,
    /// Between requests.
    pub(crate) idle: Duration,
    /// Of an answer that is not taken.
    pub(crate) stall: Duration,
}

/// How a connection stands.
pub(crate) struct State {
    opened_at: Millis,
    moved_at: AtomicU64,
    in_flight: AtomicU32,
    /// Answers of which a part was handed out and nothing was asked for since.
    untaken: AtomicU32,
    served: AtomicBool,
    is_socket: AtomicBool,
    closing: AtomicBool,
    close: Notify,
}

impl State {
    fn new(now: Millis) -> Arc<Self> {
        Arc::new(Self {
            opened_at: now,
            moved_at: AtomicU64::new(now),
            in_flight: AtomicU32::new(0),
            untaken: AtomicU32::new(0),
            served: AtomicBool::new(false),
            is_socket: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            close: Notify::new(),
        })
    }

    /// Bytes of a body came, or bytes of an answer left.
    pub(crate) fn moved(&self, now: Millis) {
        self.moved_at.fetch_max(now, Relaxed);
    }

    /// For how long nothing has moved.
    pub(crate) fn silent_for(&self, now: Millis) -> Duration {
        Duration::from_millis(now.saturating_sub(self.moved_at.load(Relaxed)))
    }

    /// A request has begun.
    pub(crate) fn begin(&self, now: Millis) {
        self.served.store(true, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        self.moved(now);
    }

    /// A request has ended.
    pub(crate) fn end(&self, now: Millis) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.moved(now);
    }

    /// A part of an answer was handed out, or what was handed out is gone.
    pub(crate) fn set_untaken(&self, untaken: bool) {
        if untaken {
            self.untaken.fetch_add(1, Relaxed)
        } else {
            self.untaken.fetch_sub(1, Relaxed)
        };
    }

    /// It is a WebSocket from now on, which keeps time by itself.
    pub(crate) fn becomes_socket(&self) {
        self.is_socket.store(true, Relaxed);
    }

    /// Tells it to close.
    pub(crate) fn close(&self) {
        self.close.notify_one();
    }

    /// Waits until it was told to close.
    pub(crate) async fn told_to_close(&self) {
        self.close.notified().await;
    }

    fn is_idle(&self) -> bool {
        self.in_flight.load(Relaxed) == 0 && !self.is_socket.load(Relaxed) && !self.closing.load(Relaxed)
    }

    fn is_late(&self, bounds: &Bounds, now: Millis) -> bool {
        if self.is_socket.load(Relaxed) || self.closing.load(Relaxed) {
            return false;
        }
        if !self.served.load(Relaxed) {
            // Bytes that trickle in without ever being a request do not help.
            return Duration::from_millis(now.saturating_sub(self.opened_at)) >= bounds.header;
        }
        let silent = self.silent_for(now);
        if self.in_flight.load(Relaxed) == 0 {
            return silent >= bounds.idle;
        }
        self.untaken.load(Relaxed) > 0 && silent >= bounds.stall
    }
}

#[derive(Default)]
struct Places {
    next: u64,
    taken: HashMap<u64, Arc<State>>,
    by_address: HashMap<IpAddr, u32>,
    /// Those that were told to close and are not gone yet.
    closing: usize,
}

impl Places {
    fn close(&mut self, state: &State) {
        if !state.closing.swap(true, Relaxed) {
            self.closing += 1;
            state.close();
        }
    }
}

/// All connections of a listener.
pub(crate) struct Register {
    bounds: Bounds,
    places: Mutex<Places>,
}

impl Register {
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, places: Mutex::default() })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Every change is a whole one: a panic elsewhere spoils nothing.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in. If all places are taken, those that hold one without working have to go, the oldest that
    /// never asked for anything first. An address of `None` is not counted.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<IpAddr>, now: Millis) -> Result<Place, Refused> {
        let address = address.map(prefix);
        let mut places = self.places();
        if let Some(address) = address
            && self.bounds.per_address > 0
            && places.by_address.get(&address).is_some_and(|count| *count >= self.bounds.per_address)
        {
            return Err(Refused::Address);
        }
        if places.taken.len() - places.closing >= self.bounds.most && !self.make_room(&mut places) {
            return Err(Refused::Full);
        }
        places.next += 1;
        let (id, state) = (places.next, State::new(now));
        places.taken.insert(id, state.clone());
        if let Some(address) = address {
            *places.by_address.entry(address).or_default() += 1;
        }
        Ok(Place { register: self.clone(), id, address, state })
    }

    /// Closes some of those that do not work; whether there were any. Several at once, so that a flood does not pay for
    /// a look at all of them with each newcomer.
    fn make_room(&self, places: &mut Places) -> bool {
        let mut idle: Vec<_> = places.taken.values().filter(|state| state.is_idle()).cloned().collect();
        let some = (self.bounds.most / 64).max(1).min(idle.len());
        if some == 0 {
            return false;
        }
        idle.select_nth_unstable_by_key(some - 1, |s| (s.served.load(Relaxed), s.moved_at.load(Relaxed)));
        idle[..some].iter().for_each(|state| places.close(state));
        true
    }

    /// Closes what has taken too long; how many.
    pub(crate) fn sweep(&self, now: Millis) -> usize {
        let mut places = self.places();
        let late: Vec<_> = places.taken.values().filter(|state| state.is_late(&self.bounds, now)).cloned().collect();
        late.iter().for_each(|state| places.close(state));
        late.len()
    }
}

/// A place in the register; free again when it is dropped.
pub(crate) struct Place {
    register: Arc<Register>,
    id: u64,
    address: Option<IpAddr>,
    pub(crate) state: Arc<State>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.register.places();
        places.taken.remove(&self.id);
        if self.state.closing.load(Relaxed) {
            places.closing -= 1;
        }
        if let Some(address) = self.address
            && let Some(count) = places.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                places.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(most: usize, per_address: u32) -> Arc<Register> {
        let seconds = Duration::from_secs;
        Register::new(Bounds { most, per_address, header: seconds(15), idle: seconds(75), stall: seconds(60) })
    }

    fn told(place: &Place) -> bool {
        place.state.closing.load(Relaxed)
    }

    #[test]
    fn a_full_house_sends_the_oldest_silent_stranger_away() {
        let register = register(3, 0);
        let places: Vec<_> = (0..3).map(|now| register.admit(None, now).unwrap()).collect();
        places[0].state.begin(3);
        places[1].state.begin(3);
        places[1].state.end(4);
        let newcomer = register.admit(None, 5).unwrap();
        // The first works, the second has been served before, the third never said a word.
        assert_eq!([told(&places[0]), told(&places[1]), told(&places[2])], [false, false, true]);
        newcomer.state.begin(6);
        let another = register.admit(None, 7).unwrap();
        assert!(told(&places[1]));
        another.state.becomes_socket();
        assert_eq!(register.admit(None, 8).err(), Some(Refused::Full));
        drop(places);
        assert!(register.admit(None, 9).is_ok());
    }

    #[test]
    fn one_address_has_its_share_and_a_household_of_ipv6_is_one_address() {
        let register = register(10, 2);
        let address = |text: &str| Some(text.parse().unwrap());
        let first = register.admit(address("2001:db8::1"), 0).unwrap();
        let _second = register.admit(address("2001:db8::2"), 0).unwrap();
        assert_eq!(register.admit(address("2001:db8::3"), 0).err(), Some(Refused::Address));
        let _other = register.admit(address("2001:db8:0:1::1"), 0).unwrap();
        drop(first);
        assert!(register.admit(address("2001:db8::3"), 0).is_ok());
    }

    #[test]
    fn what_takes_too_long_is_closed_and_what_works_is_not() {
        let register = register(10, 0);
        let [silent, busy, idle, untaken, socket] = std::array::from_fn(|_| register.admit(None, 0).unwrap());
        for place in [&busy, &idle, &untaken, &socket] {
            place.state.begin(1_000);
        }
        idle.state.end(1_000);
        untaken.state.set_untaken(true);
        socket.state.end(1_000);
        socket.state.becomes_socket();
        silent.state.moved(14_000);
        assert_eq!(register.sweep(14_999), 0);
        assert_eq!((register.sweep(15_000), told(&silent)), (1, true));
        assert_eq!((register.sweep(60_999), register.sweep(61_000), told(&untaken)), (0, 1, true));
        assert_eq!((register.sweep(75_999), register.sweep(76_000), told(&idle)), (0, 1, true));
        assert_eq!(register.sweep(9_000_000), 0, "a handler may take its time, and a socket keeps its own");
        assert!(!told(&busy) && !told(&socket));
    }
}
