//! A server that publishes, answers as the real one does, and can be cut off at any byte; and a phone before it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use beistand_protocol::faq::{Article, Bundle, Contents, Delta, Locale, Parcel};
use beistand_protocol::problem::PROBLEM_JSON;
use beistand_protocol::{Code, Credential, Problem};

use crate::api::transport::{Carried, Request, Response, Socket, Transport, TransportError};
use crate::faq::samples;
use crate::faq::{Faq, FaqSeed};
use crate::{Client, Settings};

/// What becomes of the next answers.
#[derive(Clone, Debug, Default)]
pub(crate) enum Weather {
    #[default]
    Calm,
    Offline,
    /// The body ends after so many bytes, but before its end, and nobody notices.
    Cut(usize),
    /// Something else answers.
    Instead(u16, Vec<u8>),
}

#[derive(Default)]
struct Held {
    /// Publications of each language, the oldest first.
    published: BTreeMap<Locale, Vec<(u64, Bundle)>>,
    images: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
    weather: Weather,
    version: u64,
}

/// See the top of this file.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<Held>>);

impl Server {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap()
    }

    /// Publishes these articles as a whole; the version.
    pub fn publish(&self, locale: &str, articles: &[Article]) -> u64 {
        let mut held = self.held();
        held.version += 10;
        let version = held.version;
        let bundle = Bundle {
            default_locale: Some("en".parse().unwrap()),
            collections: Vec::new(),
            articles: articles.to_vec(),
        };
        held.published.entry(locale.parse().unwrap()).or_default().push((version, bundle));
        version
    }

    pub fn add_image(&self, sha256: &str, bytes: &[u8]) {
        self.held().images.insert(sha256.to_owned(), bytes.to_vec());
    }

    pub fn weather(&self, weather: Weather) {
        self.held().weather = weather;
    }

    /// What was asked since the last look: path, query and entity tag.
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.held().asked)
    }

    /// What a phone in the best of weathers gets.
    pub fn answer(&self, path: &str, etag: Option<&str>) -> Response {
        let held = self.held();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let body = |status, headers: &[(&str, String)], body| Response {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            body,
        };
        let problem = || {
            let json = serde_json::to_vec(&Problem::new(Code::NotFound, "there is none")).unwrap();
            body(404, &[("content-type", PROBLEM_JSON.into())], json)
        };
        let tag = path.strip_prefix("v1/faq/").expect("a question for the FAQ");
        if let Some(name) = tag.strip_prefix("images/") {
            return held.images.get(name).map_or_else(problem, |bytes| body(200, &[], bytes.clone()));
        }
        let locales: Vec<Locale> = held.published.keys().cloned().collect();
        let wanted: Locale = tag.parse().unwrap();
        let Some(locale) = wanted.best_of(&locales, Some(&"en".parse().unwrap())) else { return problem() };
        let publications = &held.published[locale];
        let (version, newest) = publications.last().unwrap();
        let name = format!("\"{version}\"");
        if etag == Some(&name) {
            return body(304, &[("etag", name)], Vec::new());
        }
        let since = query.strip_prefix("since=").and_then(|since| since.parse::<u64>().ok());
        let contents = match publications.iter().find(|(version, _)| Some(*version) == since) {
            Some((from, old)) => Contents::Delta { from: *from, delta: difference(old, newest) },
            None => Contents::Bundle(newest.clone()),
        };
        let parcel = Parcel::pack("k", locale.clone(), *version, &contents).unwrap();
        body(200, &[("etag", name)], parcel.to_bytes().unwrap())
    }

    /// The publications before the newest are unknown from now on: whoever has one gets the whole.
    pub fn forget_history(&self, locale: &str) {
        self.held().published.remove(&locale.parse().unwrap());
    }

    /// The newest publication, as an app carries it.
    pub fn seed(&self, locale: &str) -> FaqSeed {
        FaqSeed::bytes(self.answer(&format!("v1/faq/{locale}"), None).body)
    }
}

fn difference(old: &Bundle, new: &Bundle) -> Delta {
    let same = |article: &&Article| !old.articles.contains(article);
    let gone = |article: &&Article| !new.articles.iter().any(|other| other.id == article.id);
    Delta {
        default_locale: new.default_locale.clone(),
        collections: new.collections.clone(),
        upserts: new.articles.iter().filter(same).cloned().collect(),
        tombstones: old.articles.iter().filter(gone).map(|article| article.id.clone()).collect(),
    }
}

impl Transport for Server {
    fn send(&self, request: Request) -> Carried<'_, Result<Response, TransportError>> {
        let etag = request.headers.iter().find(|(name, _)| *name == "if-none-match").map(|(_, tag)| tag.clone());
        let weather = {
            let mut held = self.held();
            held.asked.push(format!("{} {}", request.path, etag.as_deref().unwrap_or("-")));
            held.weather.clone()
        };
        let broken = Err(TransportError("no".into()));
        let answer = match weather {
            Weather::Offline => broken,
            Weather::Instead(status, body) => Ok(Response { status, headers: Vec::new(), body }),
            Weather::Calm => Ok(self.answer(&request.path, etag.as_deref())),
            Weather::Cut(end) => {
                let mut whole = self.answer(&request.path, etag.as_deref());
                whole.body.truncate(end.min(whole.body.len().saturating_sub(1)));
                Ok(whole)
            }
        };
        Box::pin(async move { answer })
    }

    fn connect(&self, _: Credential) -> Carried<'_, Result<Socket, TransportError>> {
        Box::pin(async { Err(TransportError("no sockets here".into())) })
    }
}

/// Settings of a phone that speaks German as in Austria.
pub(crate) fn settings(folder: &Path) -> Settings {
    let mut settings = Settings::new("http://127.0.0.1:1", "k", folder).unwrap();
    settings.locale = Some("de-AT".into());
    settings
}

pub(crate) fn client(server: &Server, settings: Settings) -> Client {
    Client::builder(settings).transport(Arc::new(server.clone())).build().unwrap()
}

/// Articles whose ids and titles differ: `Frage 0` …
pub(crate) fn articles(numbers: std::ops::Range<u32>) -> Vec<Article> {
    numbers.map(|number| samples::article(&format!("a{number}"), &format!("Frage{number}"))).collect()
}

/// The ids of all articles that the phone has.
pub(crate) async fn ids(faq: &Faq) -> Vec<String> {
    let mut ids: Vec<String> =
        faq.articles(None).await.unwrap().into_iter().map(|entry| entry.id.to_string()).collect();
    ids.sort();
    ids
}
