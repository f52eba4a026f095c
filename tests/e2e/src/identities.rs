//! Logins and logouts in any order, with a network and without, with restarts in between: after each step the phone shows
//! what belongs to its user and nothing else, and in the end each message is at the server once, under the person who
//! wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use beistand_core::{ConversationList, ErrorKind, LoggedOut, LoginError, Logout, TicketDraft, Timeline};
use beistand_protocol::{ConversationId, MessageId};
use beistand_test_support::identity::Backend;
use beistand_test_support::network::Weather;
use beistand_test_support::world::{Ending, World};

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// The first user signs in.
    LoginA,
    /// The second user signs in.
    LoginB,
    /// The person signs out, and lets a few seconds pass for what waits.
    LogoutSendFirst,
    /// The person signs out; what waits leaves later.
    LogoutKeep,
    /// The person signs out, and throws away what waits.
    LogoutDiscard,
    /// A ticket is opened and written into once more.
    Write,
    /// The network goes, or comes back.
    Network,
    /// The app is killed and started again.
    Restart,
    /// The app's backend fails from now on, or works again.
    Backend,
    /// Everything new is asked for.
    Sync,
    /// A minute passes.
    Wait,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::LoginA,
        Self::LoginB,
        Self::LogoutSendFirst,
        Self::LogoutKeep,
        Self::LogoutDiscard,
        Self::Write,
        Self::Network,
        Self::Restart,
        Self::Backend,
        Self::Sync,
        Self::Wait,
    ];

    fn switches(self) -> bool {
        matches!(self, Self::LoginA | Self::LoginB | Self::LogoutSendFirst | Self::LogoutKeep | Self::LogoutDiscard)
    }
}

/// Whether an order of steps shows anything that a shorter one, or another, does not show as well.
pub fn is_worth_playing(steps: &[Step]) -> bool {
    let doubled = steps.windows(2).any(|two| {
        two[0] == two[1] && matches!(two[0], Step::Network | Step::Restart | Step::Backend | Step::Sync | Step::Wait)
    });
    // The users differ in name only: the first one to come is A.
    let first = steps.iter().find(|step| matches!(step, Step::LoginA | Step::LoginB));
    // At the end the network comes, the backend works, and time passes anyway; at the beginning nothing is there yet.
    let last_changes = !matches!(steps.last(), Some(Step::Network | Step::Backend | Step::Sync | Step::Wait));
    let first_matters = !matches!(steps.first(), Some(Step::Wait | Step::Restart | Step::Sync));
    // The backend matters to logins only.
    let backend_asked = steps.iter().enumerate().all(|(at, step)| {
        *step != Step::Backend || steps[at..].iter().any(|step| matches!(step, Step::LoginA | Step::LoginB))
    });
    !doubled
        && first != Some(&Step::LoginB)
        && last_changes
        && first_matters
        && backend_asked
        && steps.contains(&Step::Write)
        && steps.iter().any(|step| step.switches())
}

/// Every order of at most so many steps that is worth playing.
pub fn orders(longest: usize) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    let mut grown: Vec<Vec<Step>> = vec![Vec::new()];
    for _ in 0..longest {
        grown = grown
            .iter()
            .flat_map(|steps| Step::ALL.into_iter().map(move |step| steps.iter().copied().chain([step]).collect()))
            .collect();
        found.extend(grown.iter().filter(|steps: &&Vec<Step>| is_worth_playing(steps)).cloned());
    }
    found
}

/// What many runs have tested.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Messages that had to be at the server.
    pub messages: u64,
    /// Those of them that a user wrote before the server knew the user.
    pub unconfirmed: u64,
    /// Messages that were thrown away, or lost with their user's decision.
    pub discarded: u64,
    /// Identities that the phones have had.
    pub identities: u64,
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.unconfirmed += other.unconfirmed;
        self.discarded += other.discarded;
        self.identities += other.identities;
    }
}

/// One of the phone's identities, as a person sees them.
#[derive(Clone, Debug, Default)]
struct Person {
    /// The user, once the phone has said so.
    subject: Option<String>,
    /// Whether the server was known to know.
    confirmed: bool,
    written: Vec<Written>,
}

#[derive(Clone, Debug)]
struct Written {
    conversation: ConversationId,
    message: MessageId,
    text: String,
    /// Thrown away with a logout: it may be there or not.
    given_up: bool,
}

struct Run {
    world: World,
    backend: Backend,
    offline: bool,
    failing: bool,
    /// What the network is like while there is one.
    weather: Weather,
    /// The last one is current.
    persons: Vec<Person>,
    texts: u32,
    timeline: Option<(usize, Timeline)>,
    list: Option<ConversationList>,
}

/// Plays an order of steps.
///
/// # Errors
/// What was wrong, a line each.
pub fn play(steps: &[Step], seed: u64, weather: Weather) -> Result<Report, Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| vec![error.to_string()])?;
    runtime.block_on(async {
        let world = World::new(seed).await;
        world.add_identity_key().await;
        let backend = world.backend();
        world.network.set_weather(weather);
        let mut run = Run {
            world,
            backend,
            offline: false,
            failing: false,
            weather,
            persons: vec![Person::default()],
            texts: 0,
            timeline: None,
            list: None,
        };
        let mut faults = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            run.step(*step, &mut faults).await;
            run.look(&mut faults).await;
            if !faults.is_empty() {
                faults.insert(0, format!("after step {} of {steps:?}:", number + 1));
                return Err(faults);
            }
        }
        let report = run.end(&mut faults).await;
        if faults.is_empty() {
            return Ok(report);
        }
        faults.insert(0, format!("at the end of {steps:?}:"));
        Err(faults)
    })
}

/// Plays a longer order of steps that a seed chooses, in good or bad weather.
///
/// # Errors
/// As [`play`].
pub fn play_seed(seed: u64) -> Result<Report, Vec<String>> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let steps: Vec<Step> = (0..5 + chance.usize(..12)).map(|_| Step::ALL[chance.usize(..Step::ALL.len())]).collect();
    // A write that the server refuses for good is dropped once its user has left: that has a test of its own.
    let storm = Weather { refuse: 0.0, ..Weather::STORM };
    play(&steps, seed, if chance.bool() { storm } else { Weather::CALM })
}

impl Run {
    fn current(&mut self) -> &mut Person {
        self.persons.last_mut().expect("there is always one")
    }

    async fn step(&mut self, step: Step, faults: &mut Vec<String>) {
        match step {
            Step::LoginA => self.login("anna", faults).await,
            Step::LoginB => self.login("bert", faults).await,
            Step::LogoutSendFirst => self.logout(Logout::SendFirst { within: Duration::from_secs(5) }, faults).await,
            Step::LogoutKeep => self.logout(Logout::Keep, faults).await,
            Step::LogoutDiscard => self.logout(Logout::Discard, faults).await,
            Step::Write => self.write(faults).await,
            Step::Network => {
                self.offline = !self.offline;
                self.world.network.set_weather(if self.offline { Weather::OFFLINE } else { self.weather });
                if !self.offline {
                    self.world.client().wake();
                }
            }
            Step::Restart => {
                (self.timeline, self.list) = (None, None);
                let before = self.current().subject.clone();
                self.world.break_phone(Ending::Killed).await;
                let listed = self.world.client().conversations().list().await;
                let now = self.world.client().identity().get().subject;
                if listed.is_err() || now != before {
                    faults.push(format!("after the restart {now:?} is signed in, not {before:?}; {listed:?}"));
                }
            }
            Step::Backend => {
                self.failing = !self.failing;
                self.backend.fail(self.failing);
            }
            Step::Sync => {
                let _ = self.world.client().sync().await;
            }
            Step::Wait => tokio::time::sleep(Duration::from_secs(60)).await,
        }
    }

    async fn login(&mut self, subject: &str, faults: &mut Vec<String>) {
        let outcome = self.world.client().login(self.backend.user(subject)).await;
        let who = self.world.client().identity().get();
        let before = self.current().subject.clone();
        match outcome {
            Ok(said) => {
                if said.subject.as_deref() != Some(subject) || who.subject != said.subject {
                    faults.push(format!("signed in as {subject}, but it is {said:?}, {who:?}"));
                }
                if !self.offline && self.weather == Weather::CALM && !said.confirmed {
                    faults.push("a login in fine weather is not confirmed".to_owned());
                }
                match before {
                    None => self.current().subject = Some(subject.to_owned()),
                    Some(before) if before == subject => {}
                    Some(_) => {
                        self.persons.push(Person { subject: Some(subject.to_owned()), ..Person::default() });
                    }
                }
            }
            Err(error) => {
                let failed = ErrorKind::LoginFailed(LoginError::ProviderFailed);
                if !self.failing || error.kind != failed || who.subject != before {
                    faults.push(format!("the login of {subject} ends with {error}, and as {who:?}"));
                }
            }
        }
    }

    async fn logout(&mut self, mode: Logout, faults: &mut Vec<String>) {
        let out = match self.world.client().logout(mode).await {
            Ok(out) => out,
            Err(error) => return faults.push(format!("{mode:?} fails: {error}")),
        };
        let fits = match mode {
            Logout::Keep => out.sent == 0 && out.discarded == 0,
            Logout::Discard => out.sent == 0 && out.kept == 0,
            Logout::SendFirst { .. } => out.discarded == 0,
        };
        let quiet = self.weather == Weather::CALM && !self.offline;
        if !fits || (matches!(mode, Logout::SendFirst { .. }) && quiet && out.kept > 0) {
            faults.push(format!("{mode:?} comes to {out:?}"));
        }
        if mode == Logout::Discard && out != LoggedOut::default() {
            for written in &mut self.current().written {
                written.given_up = true;
            }
        }
        self.persons.push(Person::default());
    }

    async fn write(&mut self, faults: &mut Vec<String>) {
        self.texts += 1;
        let whose = self.persons.len();
        let text = format!("<{}> von {whose}", self.texts);
        let draft = TicketDraft { subject: text.clone(), text: text.clone(), ..TicketDraft::default() };
        let conversations = self.world.client().conversations();
        let opened = match conversations.open(draft).await {
            Ok(opened) => opened,
            Err(error) => return faults.push(format!("nothing can be opened: {error}")),
        };
        let again = format!("{text}, noch einmal");
        let message = match conversations.send(opened.conversation, &again).await {
            Ok(message) => message,
            Err(error) => return faults.push(format!("nothing can be sent: {error}")),
        };
        for (message, text) in [(opened.message, text), (message, again)] {
            let written = Written { conversation: opened.conversation, message, text, given_up: false };
            self.current().written.push(written);
        }
        let timeline = conversations.timeline(opened.conversation).await;
        self.timeline = timeline.ok().map(|timeline| (whose, timeline));
        if self.list.is_none() {
            self.list = conversations.watch_list().await.ok();
        }
    }

    /// Whether what this person wrote may be shown to the current one: their own, or that of the same user.
    fn is_theirs(&self, index: usize) -> bool {
        let last = self.persons.len() - 1;
        let (theirs, current) = (&self.persons[index].subject, &self.persons[last].subject);
        index == last || (theirs.is_some() && theirs == current)
    }

    /// Nothing is shown, or can be reached, that is somebody else's; nothing that was just written is missing.
    async fn look(&mut self, faults: &mut Vec<String>) {
        let client = self.world.client().clone();
        let who = client.identity().get();
        self.current().confirmed |= who.confirmed;
        if who.subject != self.current().subject {
            faults.push(format!("{who:?} is shown as signed in"));
        }
        let conversations = client.conversations();
        let shown = match conversations.list().await {
            Ok(shown) => shown,
            Err(error) => return faults.push(format!("no list: {error}")),
        };
        let mut ids: BTreeSet<ConversationId> = shown.iter().map(|conversation| conversation.id).collect();
        if let Some(list) = &mut self.list
            && let Ok(Some(told)) = tokio::time::timeout(Duration::from_millis(1), list.next()).await
        {
            ids.extend(told.iter().map(|conversation| conversation.id));
        }
        let items = client.outbox().items().await.unwrap_or_default();
        ids.extend(items.iter().map(|item| item.conversation_id));
        for index in 0..self.persons.len() {
            let (theirs, last) = (self.is_theirs(index), index + 1 == self.persons.len());
            for written in &self.persons[index].written {
                let reached = conversations.get(written.conversation).await.is_ok()
                    || conversations.message(written.message).await.is_ok()
                    || conversations.timeline(written.conversation).await.is_ok()
                    || (!theirs && conversations.edit(written.message, "x").await.is_ok())
                    || (!theirs && conversations.send(written.conversation, "x").await.is_ok());
                if !theirs && (reached || ids.contains(&written.conversation)) {
                    faults.push(format!("{:?} of person {index} is shown to {who:?}", written.text));
                }
                if last && !ids.contains(&written.conversation) {
                    faults.push(format!("{:?} is not shown to {who:?}", written.text));
                }
            }
        }
        if let Some((whose, timeline)) = &mut self.timeline {
            let current = self.persons.len();
            if *whose != current && !timeline.messages().is_empty() {
                faults.push(format!("an open timeline still shows {:?}", timeline.messages()));
            }
        }
    }

    /// The network is there, the backend works, and time passes.
    async fn end(mut self, faults: &mut Vec<String>) -> Report {
        self.world.network.set_weather(Weather::CALM);
        self.backend.fail(false);
        self.world.client().wake();
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        self.look(faults).await;
        self.check_phone(faults).await;
        let mut report = Report { identities: self.persons.len() as u64, ..Report::default() };
        let desk = self.world.desk().await;
        let stored = match desk.conversations().await {
            Ok(stored) => stored,
            Err(problem) => {
                faults.push(format!("the desk cannot read: {}", problem.code));
                return report;
            }
        };
        let mut seen: BTreeMap<MessageId, (ConversationId, Option<String>)> = BTreeMap::new();
        for conversation in stored {
            let subject = conversation.person.and_then(|person| person.subject);
            for message in desk.messages(conversation.id).await.unwrap_or_default() {
                if seen.insert(message.id, (conversation.id, subject.clone())).is_some() {
                    faults.push(format!("{} is there twice", message.id));
                }
            }
        }
        for (index, person) in self.persons.iter().enumerate() {
            for written in &person.written {
                match seen.remove(&written.message) {
                    None if written.given_up => report.discarded += 1,
                    None => faults.push(format!("{:?} of person {index} is lost", written.text)),
                    Some((conversation, _)) if conversation != written.conversation => {
                        faults.push(format!("{:?} stands somewhere else", written.text));
                    }
                    Some((_, subject)) => {
                        report.messages += 1;
                        report.unconfirmed += u64::from(subject != person.subject);
                        // A user whom the server never got to know is nobody to it, but never somebody else.
                        let unknown = subject.is_none() && !person.confirmed;
                        if subject != person.subject && !unknown {
                            faults.push(format!("{:?} of {person:?} is {subject:?}'s at the server", written.text));
                        }
                    }
                }
            }
        }
        faults.extend(seen.keys().map(|message| format!("{message}: nobody wrote it")));
        report
    }

    /// Nothing of those who have left is on the phone any more, in no table and in no corner of the file.
    async fn check_phone(&self, faults: &mut Vec<String>) {
        let _ = self.world.client().pause().await;
        let counted = (|| -> rusqlite::Result<(i64, i64)> {
            let database = self.world.phone_disk.open("phone/beistand.sqlite3")?;
            let identities = database.query_row("SELECT count(*) FROM identities", [], |row| row.get(0))?;
            let others = database.query_row(
                "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM conversations WHERE identity NOT IN
                   (SELECT id FROM identities WHERE current = 1)) + (SELECT count(*) FROM messages
                   WHERE conversation_id NOT IN (SELECT id FROM conversations))",
                [],
                |row| row.get(0),
            )?;
            Ok((identities, others))
        })();
        if counted != Ok((1, 0)) {
            faults.push(format!("identities and rows of others on the phone: {counted:?}"));
        }
        let files = self.world.phone_disk.files();
        for (index, person) in self.persons.iter().enumerate().filter(|(index, _)| !self.is_theirs(*index)) {
            for written in &person.written {
                for file in files.iter().filter(|file| file.starts_with("phone/")) {
                    let bytes = self.world.phone_disk.contents(file).unwrap_or_default();
                    let text = written.text.as_bytes();
                    if bytes.windows(text.len()).any(|window| window == text) {
                        faults.push(format!("{file} still holds {:?} of person {index}", written.text));
                    }
                }
            }
        }
        let _ = self.world.client().resume().await;
    }
}
