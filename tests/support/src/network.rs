//! A network with weather, between a phone and a server of the same process: requests get lost, answers get lost after
//! the server has committed, copies arrive late behind their successors, and strangers answer in the server's place.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http;
use beistand_core::api::transport::{Carried, Request, Response, Socket, Transport, TransportError};
use beistand_protocol::{Code, Credential, Problem, problem::PROBLEM_JSON};
use beistand_server::Server;
use tokio::sync::{mpsc, oneshot};
use tower::ServiceExt;

use crate::chance::Chance;

/// How likely what goes wrong; probabilities between 0 and 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Weather {
    /// Nothing comes through at all.
    pub offline: bool,
    /// The longest way of a request or an answer.
    pub latency: Duration,
    /// The request never arrives.
    pub lose_request: f64,
    /// The server works, the answer is lost.
    pub lose_answer: f64,
    /// A copy of a request arrives (again) much later.
    pub late_copy: f64,
    /// Somebody else answers: a portal, a proxy, a broken gateway.
    pub foreign: f64,
    /// The server answers that it cannot, for a passing reason: 401, 426, 429, 500, 503.
    pub passing: f64,
    /// The server refuses a write for good.
    pub refuse: f64,
    /// A socket breaks with each frame.
    pub break_socket: f64,
}

impl Weather {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        offline: false,
        latency: Duration::from_millis(20),
        lose_request: 0.0,
        lose_answer: 0.0,
        late_copy: 0.0,
        foreign: 0.0,
        passing: 0.0,
        refuse: 0.0,
        break_socket: 0.0,
    };

    /// Everything goes wrong now and then.
    pub const STORM: Self = Self {
        offline: false,
        latency: Duration::from_millis(900),
        lose_request: 0.12,
        lose_answer: 0.15,
        late_copy: 0.15,
        foreign: 0.08,
        passing: 0.10,
        refuse: 0.04,
        break_socket: 0.2,
    };

    /// No signal.
    pub const OFFLINE: Self = Self { offline: true, ..Self::CALM };
}

/// What happens to the next writes, one each, before the weather has its say again.
#[derive(Clone, Debug)]
pub enum Scripted {
    /// It arrives, and its answer comes back.
    Pass,
    /// It never arrives.
    LoseRequest,
    /// The server works, the answer is lost.
    LoseAnswer,
    /// The server works at once, its answer takes this long.
    DelayAnswer(Duration),
    /// It is held up on the way; the phone gives up on it. [`Network::release`] lets it arrive.
    Hold,
    /// Somebody answers in the server's place.
    Answer(u16, &'static str, String),
    /// The server says no with this code.
    Problem(Code),
}

/// What has happened on a network, to show that a run tested what it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Requests that reached the server.
    pub delivered: u64,
    /// Answers lost after the server had worked.
    pub answers_lost: u64,
    /// Copies that arrived late.
    pub late_copies: u64,
    /// Answers of strangers.
    pub foreign: u64,
    /// Passing failures.
    pub passing: u64,
    /// Writes refused for good.
    pub refused: u64,
    /// Pieces of files that were asked for.
    pub pieces_fetched: u64,
}

struct State {
    /// The server and its router, which is worth keeping: building one describes the whole API.
    server: Option<(Server, Router)>,
    weather: Weather,
    tally: Tally,
    /// Operations that a server has seen: none of them is refused for good any more, as no real server would.
    seen: BTreeSet<String>,
    script: VecDeque<Scripted>,
    held: Vec<Request>,
    /// Somebody answers to uploads like this.
    uploads_refused: Option<(u16, String)>,
}

/// A network; clones share it.
#[derive(Clone)]
pub struct Network {
    state: Arc<Mutex<State>>,
    chance: Chance,
    app_key: String,
}

enum Fate {
    Lost,
    Foreign(Response),
    Delivered { answer_lost: bool },
}

impl Network {
    /// A calm network without a server.
    pub fn new(chance: Chance, app_key: &str) -> Self {
        let state = State {
            server: None,
            weather: Weather::CALM,
            tally: Tally::default(),
            seen: BTreeSet::new(),
            script: VecDeque::new(),
            held: Vec::new(),
            uploads_refused: None,
        };
        Self { state: Arc::new(Mutex::new(state)), chance, app_key: app_key.to_owned() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a server at the other end, or none.
    pub fn connect_server(&self, server: Option<Server>) {
        self.state().server = server.map(|server| (server.clone(), server.router()));
    }

    /// The router of the server at the other end.
    pub fn router(&self) -> Option<Router> {
        self.state().server.as_ref().map(|(_, router)| router.clone())
    }

    /// Changes the weather.
    pub fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// Decides about the next writes.
    pub fn script(&self, script: impl IntoIterator<Item = Scripted>) {
        self.state().script.extend(script);
    }

    /// Whether all that was scripted has happened.
    pub fn script_is_over(&self) -> bool {
        self.state().script.is_empty()
    }

    /// Answers to every upload with this problem document, until told otherwise.
    pub fn refuse_uploads(&self, with: Option<(u16, String)>) {
        self.state().uploads_refused = with;
    }

    /// Lets the writes arrive that were held up; returns the server's answers, which no phone waits for any more.
    pub async fn release(&self) -> Vec<Response> {
        let held = std::mem::take(&mut self.state().held);
        let mut answers = Vec::new();
        for request in held {
            answers.extend(self.deliver(&request).await);
        }
        answers
    }

    /// What has happened so far.
    pub fn tally(&self) -> Tally {
        self.state().tally
    }

    fn fate(&self, request: &Request, weather: Weather) -> Fate {
        let operation = operation_of(request);
        let mut state = self.state();
        if self.chance.happens(weather.lose_request) {
            return Fate::Lost;
        }
        if self.chance.happens(weather.foreign) {
            state.tally.foreign += 1;
            return Fate::Foreign(foreign_answer(&self.chance));
        }
        if let Some(operation) = operation {
            if self.chance.happens(weather.passing) {
                state.tally.passing += 1;
                return Fate::Foreign(passing_failure(&self.chance));
            }
            // What readers say is dropped when it is refused, by design: a run could not tell that from a loss.
            let may_be_refused = !state.seen.contains(&operation) && !request.path.starts_with("v1/faq/");
            if may_be_refused && self.chance.happens(weather.refuse) {
                state.tally.refused += 1;
                return Fate::Foreign(refusal(&self.chance));
            }
        }
        let answer_lost = self.chance.happens(weather.lose_answer);
        state.tally.answers_lost += u64::from(answer_lost);
        Fate::Delivered { answer_lost }
    }

    async fn wait(&self, weather: Weather) {
        let most = u64::try_from(weather.latency.as_millis()).unwrap_or(1000);
        tokio::time::sleep(Duration::from_millis(1 + self.chance.below(most))).await;
    }

    /// A copy of the request wanders about and arrives some time in the next hour.
    fn wander(&self, request: Request) {
        let network = self.clone();
        let late = Duration::from_millis(500 + self.chance.with(|rng| rng.u64(..3_600_000).min(rng.u64(..3_600_000))));
        tokio::spawn(async move {
            tokio::time::sleep(late).await;
            if network.state().server.is_some() {
                network.state().tally.late_copies += 1;
                let _ = network.deliver(&request).await;
            }
        });
    }

    /// The way of one request. Runs on its own: a phone that gives up does not call the request back.
    async fn carry(self, request: Request, reply: oneshot::Sender<Result<Response, TransportError>>) {
        let weather = self.state().weather;
        let lost = || Err(TransportError("lost".into()));
        self.wait(weather).await;
        let scripted = match operation_of(&request) {
            Some(_) => self.state().script.pop_front(),
            None => None,
        };
        if let Some(scripted) = scripted {
            let _ = reply.send(match scripted {
                Scripted::Pass => self.deliver(&request).await.map_or_else(lost, Ok),
                Scripted::LoseRequest => lost(),
                Scripted::LoseAnswer => {
                    self.deliver(&request).await;
                    lost()
                }
                Scripted::DelayAnswer(late) => {
                    let answer = self.deliver(&request).await;
                    tokio::time::sleep(late).await;
                    answer.map_or_else(lost, Ok)
                }
                Scripted::Hold => {
                    self.state().held.push(request);
                    lost()
                }
                Scripted::Answer(status, content_type, body) => Ok(answer(status, content_type, body)),
                Scripted::Problem(code) => Ok(problem(code)),
            });
            return;
        }
        if weather.offline {
            let _ = reply.send(lost());
            return;
        }
        if operation_of(&request).is_some() && self.chance.happens(weather.late_copy) {
            self.wander(request.clone());
        }
        let answer = match self.fate(&request, weather) {
            Fate::Lost => {
                tokio::time::sleep(Duration::from_secs(self.chance.below(30))).await;
                lost()
            }
            Fate::Foreign(response) => Ok(response),
            Fate::Delivered { answer_lost } => match self.deliver(&request).await {
                Some(_) if answer_lost => {
                    tokio::time::sleep(Duration::from_secs(self.chance.below(30))).await;
                    lost()
                }
                Some(response) => Ok(response),
                None => lost(),
            },
        };
        self.wait(weather).await;
        let _ = reply.send(answer);
    }

    async fn deliver(&self, request: &Request) -> Option<Response> {
        let refused = self.state().uploads_refused.clone();
        if let (Some((status, problem)), true) = (refused, request.path.starts_with("v1/uploads")) {
            return Some(answer(status, PROBLEM_JSON, problem));
        }
        let (_, router) = self.state().server.clone()?;
        if let Some(operation) = operation_of(request) {
            self.state().seen.insert(operation);
        }
        self.state().tally.delivered += 1;
        if request.path.starts_with("v1/attachments/") {
            self.state().tally.pieces_fetched += 1;
        }
        let mut built = http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("/{}", request.path))
            .header("user-agent", "beistand/0.1.0 (test)")
            .header("x-app-key", &self.app_key);
        for (name, value) in &request.headers {
            built = built.header(*name, value);
        }
        if let Some(credential) = &request.credential {
            built = built.header("authorization", format!("Bearer {}", credential.to_token()));
        }
        if let Some(body) = &request.body {
            built = built.header("content-type", body.media_type());
        }
        let body = request.body.clone().map_or_else(Body::empty, |body| Body::from(body.into_bytes()));
        let answer = router.oneshot(built.body(body).ok()?).await.ok()?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let body = to_bytes(answer.into_body(), usize::MAX).await.ok()?.to_vec();
        Some(Response { status, headers, body })
    }
}

fn operation_of(request: &Request) -> Option<String> {
    request.headers.iter().find(|(name, _)| *name == "operation-id").map(|(_, value)| value.clone())
}

fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
    Response { status, headers: vec![("content-type".into(), content_type.into())], body: body.into() }
}

fn problem(code: Code) -> Response {
    let body = serde_json::to_vec(&Problem::new(code, "as the simulation wants it")).unwrap_or_default();
    answer(code.status(), PROBLEM_JSON, body)
}

fn foreign_answer(chance: &Chance) -> Response {
    match chance.below(8) {
        0 => answer(200, "text/html", "<html>Welcome to the station's network</html>"),
        1 => answer(403, "text/html", "<html>Forbidden</html>"),
        2 => answer(404, "text/html", "<html>Not found</html>"),
        3 => answer(302, "text/html", ""),
        4 => answer(502, "text/html", "<html>Bad gateway</html>"),
        5 => answer(200, "application/json", "{}"),
        6 => answer(422, "application/json", r#"{"code":"text-empty"}"#),
        _ => answer(409, PROBLEM_JSON, r#"{"type":"x","title":"x","status":409,"detail":"x","code":"of-the-future"}"#),
    }
}

fn passing_failure(chance: &Chance) -> Response {
    match chance.below(6) {
        0 => problem(Code::Unauthorized),
        1 => problem(Code::UpdateRequired),
        2 => {
            let mut limited = problem(Code::RateLimited);
            limited.headers.push(("retry-after".into(), "20".into()));
            limited
        }
        3 => problem(Code::Internal),
        4 => answer(408, "text/plain", ""),
        _ => {
            let mut unavailable = problem(Code::Unavailable);
            unavailable.headers.push(("retry-after".into(), "Thu, 01 Jan 2026 00:00:30 GMT".into()));
            unavailable
        }
    }
}

fn refusal(chance: &Chance) -> Response {
    problem(match chance.below(4) {
        0 => Code::BodyTooLarge,
        1 => Code::TextTooLong,
        2 => Code::UnknownCategory,
        _ => Code::Forbidden,
    })
}

impl Transport for Network {
    fn send(&self, request: Request) -> Carried<'_, Result<Response, TransportError>> {
        let (reply, answer) = oneshot::channel();
        tokio::spawn(self.clone().carry(request, reply));
        Box::pin(async move {
            // The phone's own patience; the request may live on.
            match tokio::time::timeout(Duration::from_secs(30), answer).await {
                Ok(Ok(answer)) => answer,
                _ => Err(TransportError("timed out".into())),
            }
        })
    }

    fn connect(&self, credential: Credential) -> Carried<'_, Result<Socket, TransportError>> {
        Box::pin(async move {
            let weather = self.state().weather;
            self.wait(weather).await;
            let server = self.state().server.clone();
            let (Some((server, _)), false) = (server, weather.offline || self.chance.happens(weather.lose_request))
            else {
                return Err(TransportError("no socket".into()));
            };
            let mut socket = server
                .connect_in_process(&self.app_key, &credential.to_token())
                .await
                .map_err(|_| TransportError("refused".into()))?;
            let (frames, incoming) = mpsc::channel(16);
            let (outgoing, mut written) = mpsc::channel(16);
            let network = self.clone();
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        biased;
                        frame = socket.recv() => {
                            let Some(frame) = frame else { return };
                            let weather = network.state().weather;
                            let broken = weather.offline || network.chance.happens(weather.break_socket);
                            if broken || frames.send(frame).await.is_err() {
                                return;
                            }
                        }
                        frame = written.recv() => match frame {
                            Some(frame) => socket.send(frame).await,
                            None => return,
                        },
                        () = frames.closed() => return,
                    }
                }
            });
            Ok(Socket { incoming, outgoing })
        })
    }
}
