//! The loop: waits until something happens, lets the state decide, draws, and hands on what is to be done. Nothing runs
//! while nothing happens.

use beistand_core::protocol::{ConversationId, UnixMillis};
use beistand_core::{Client, ConversationList, Subscription};
use crossterm::event::{Event as Input, EventStream, KeyEventKind};
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use crossterm::{execute, queue};
use futures_util::StreamExt;
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        mpsc::{UnboundedReceiver, unbounded_channel},
    },
    time::Sleep,
};

use super::{
    calendar::Calendar,
    event::{Action, Event},
    state::State,
    terminal::Taken,
    view::{self, Theme},
    words::Words,
    work::Work,
};
use crate::exit::{Exit, Failure};

/// Everything that can wake the screen.
struct Sources {
    keys: EventStream,
    list: ConversationList,
    connection: Subscription<beistand_core::Connection>,
    typing: Subscription<Vec<beistand_core::Typing>>,
    news: Receiver<beistand_core::ClientEvent>,
    told: UnboundedReceiver<Event>,
    stop: Stop,
}

/// Shows the screen until the person leaves.
pub async fn run(
    client: &Client,
    words: &'static Words,
    theme: Theme,
    conversation: Option<ConversationId>,
) -> Result<(), Failure> {
    // Everything that may fail comes before the terminal is taken over.
    let stop = Stop::listen()?;
    let news = client.events();
    let list = client.conversations().watch_list().await?;
    let (events, told) = unbounded_channel();
    let mut work = Work::begin(client, events);
    let mut taken = Taken::take()?;
    let size = taken.terminal.size().map_err(|_| lost())?;
    let mut state = State::new(words, Calendar::of_this_machine(), (size.width, size.height), conversation);
    if let Some(id) = conversation {
        work.look(id);
    }
    work.carry_out(Action::AskConfig);
    let mut sources = Sources {
        keys: EventStream::new(),
        list,
        connection: client.connection().subscribe(),
        typing: client.typing().subscribe(),
        news,
        told,
        stop,
    };
    let ended = Box::pin(follow(&mut taken, &mut state, &mut sources, &mut work, theme)).await;
    drop(taken);
    work.finish().await;
    ended
}

/// Draws a frame that appears at once: a terminal that knows how shows no half of it, and others ignore the marks.
fn show(taken: &mut Taken, state: &mut State, theme: Theme) -> std::io::Result<()> {
    queue!(taken.terminal.backend_mut(), BeginSynchronizedUpdate)?;
    taken.terminal.draw(|frame| view::draw(frame, state, theme))?;
    execute!(taken.terminal.backend_mut(), EndSynchronizedUpdate)
}

async fn follow(
    taken: &mut Taken,
    state: &mut State,
    sources: &mut Sources,
    work: &mut Work,
    theme: Theme,
) -> Result<(), Failure> {
    loop {
        show(taken, state, theme).map_err(|_| lost())?;
        let mut next = Some(sources.next(midnight(state)).await?);
        // Everything that waits already is shown together.
        while let Some(event) = next {
            let rows_may_have_changed = matches!(event, Event::Conversations(_) | Event::Timeline { .. });
            for action in state.update(event, now()) {
                match action {
                    Action::Quit => return Ok(()),
                    Action::Redraw => taken.terminal.clear().map_err(|_| lost())?,
                    action => work.carry_out(action),
                }
            }
            if rows_may_have_changed {
                work.read_outbox();
            }
            // Asked with the waker of this task: the stream of keys keeps the first one that it sees.
            next = tokio::select! {
                biased;
                event = sources.next(midnight(state)) => Some(event?),
                () = std::future::ready(()) => None,
            };
        }
    }
}

fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The one thing that time alone changes on the screen: which day is called today.
fn midnight(state: &State) -> Sleep {
    let day = std::time::Duration::from_secs(24 * 3600);
    tokio::time::sleep(state.calendar.until_midnight(now()).unwrap_or(day))
}

fn lost() -> Failure {
    Failure::new(Exit::Failed, "output", "The terminal is gone. What was sent is safe.")
}

impl Sources {
    /// The next thing that concerns the screen.
    async fn next(&mut self, midnight: Sleep) -> Result<Event, Failure> {
        tokio::pin!(midnight);
        loop {
            let event = tokio::select! {
                // Keys first: a person must be able to leave, whatever else happens.
                biased;
                () = self.stop.asked() => Some(Event::Stop),
                input = self.keys.next() => match input {
                    Some(Ok(input)) => of_input(input),
                    Some(Err(_)) | None => return Err(lost()),
                },
                Some(event) = self.told.recv() => Some(event),
                list = self.list.next() => match list {
                    Some(list) => Some(Event::Conversations(list)),
                    None => return Err(ended()),
                },
                Some(connection) = self.connection.next() => Some(Event::Connection(connection)),
                Some(typing) = self.typing.next() => Some(Event::Typing(typing)),
                news = self.news.recv() => match news {
                    Ok(news) => Some(Event::News(news)),
                    Err(RecvError::Lagged(_)) => None,
                    Err(RecvError::Closed) => return Err(ended()),
                },
                () = &mut midnight => Some(Event::Day),
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }
}

fn ended() -> Failure {
    Failure::new(Exit::Failed, "shut-down", "The client has ended. What was sent is safe.")
}

fn of_input(input: Input) -> Option<Event> {
    match input {
        Input::Key(key) if key.kind != KeyEventKind::Release => Some(Event::Key(key)),
        Input::Paste(text) => Some(Event::Paste(text)),
        Input::Resize(columns, rows) => Some(Event::Resize(columns, rows)),
        Input::FocusGained => Some(Event::InFront(true)),
        Input::FocusLost => Some(Event::InFront(false)),
        Input::Key(_) | Input::Mouse(_) => None,
    }
}

/// Being asked to end by the system: the terminal is given back then, too.
struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

impl Stop {
    #[cfg(unix)]
    fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = || -> std::io::Result<_> {
            // Ctrl-C is a key while the screen is up; from elsewhere it is still a signal.
            Ok([signal(SignalKind::terminate())?, signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?])
        };
        listen().map(|signals| Self { signals }).map_err(|_| {
            Failure::new(Exit::Failed, "runtime", "The system gives no resources to run. Try again later.")
        })
    }

    #[cfg(unix)]
    async fn asked(&mut self) {
        let [terminate, hangup, interrupt] = &mut self.signals;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn asked(&mut self) {
        std::future::pending().await
    }
}
