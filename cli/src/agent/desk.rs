//! An agent's session: signing in, requests with its cookie, signing out. An answer is judged like on a phone: only a
//! problem document with a code is the server's word, everything else is no connection.

use beistand_core::Settings;
use beistand_core::protocol::{
    Problem,
    agent::{Agent, SESSION_COOKIE, Session, SignIn},
    device::APP_KEY_HEADER,
    problem::PROBLEM_JSON,
};
use reqwest::{
    Method, RequestBuilder, Response, Url,
    header::{CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE},
};
use serde::{Serialize, de::DeserializeOwned};

use super::connection::Connection;
use crate::{
    args::Place,
    exit::{Exit, Failure, NO_CONNECTION},
    input,
};

/// The largest answer that is read, as in the core.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Why a request brought nothing.
#[derive(Debug)]
pub enum CallError {
    /// No answer, or a broken one: what was asked for may have been done.
    Lost,
    /// Somebody else answered, with this HTTP status.
    Foreign(u16),
    /// The server said no.
    Refused(Box<Problem>),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Lost => Self::new(Exit::Failed, "unreachable", NO_CONNECTION),
            CallError::Foreign(status) => Self::new(
                Exit::Failed,
                "unreachable",
                format!(
                    "Something else than a Beistand server answered (HTTP {status}). Nothing is known to have changed; see --server."
                ),
            ),
            CallError::Refused(problem) => (*problem).into(),
        }
    }
}

/// A signed-in agent.
pub struct Desk {
    connection: Connection,
    server: Url,
    app_key: String,
    cookie: HeaderValue,
    /// Who is signed in.
    pub agent: Agent,
}

impl Desk {
    /// Signs in.
    pub async fn sign_in(place: &Place, name: &str, password: String) -> Result<Self, Failure> {
        // The address and the key are held to the same rules as a person's; the folder is not used.
        let mut checked = Settings::new(&place.server, &place.app_key, "unused")?;
        input::trust(place, &mut checked)?;
        let connection = Connection::prepare(&checked)?;
        let url = join(&checked.server, "v1/agent/session")?;
        let body = SignIn { name: name.to_owned(), password };
        let request = connection.http.post(url).header(APP_KEY_HEADER, &checked.app_key);
        let response = send(with_json(request, &body)?).await?;
        let cookie = session_cookie(&response);
        let session: Session = read(response).await?;
        let Some(cookie) = cookie else { return Err(CallError::Foreign(200).into()) };
        Ok(Self { connection, server: checked.server, app_key: checked.app_key, cookie, agent: session.agent })
    }

    /// Ends the session. One that cannot be ended now ends by itself.
    pub async fn sign_out(self) {
        if let Ok(request) = self.request(Method::DELETE, "v1/agent/session", &[]) {
            let _ = request.send().await;
        }
    }

    /// Reads something.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, CallError> {
        read(send(self.request(Method::GET, path, query)?).await?).await
    }

    /// Writes something. Every write of an agent may be repeated without harm.
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CallError> {
        read(send(with_json(self.request(Method::PUT, path, &[])?, body)?).await?).await
    }

    /// A request with what every one of them has.
    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, CallError> {
        let mut url = join(&self.server, path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.connection.http.request(method, url);
        Ok(request.header(APP_KEY_HEADER, &self.app_key).header(COOKIE, self.cookie.clone()))
    }

    /// What the socket is opened with: its address, its cookie and the TLS configuration.
    pub fn socket(&self) -> Result<(Url, HeaderValue, std::sync::Arc<rustls::ClientConfig>), CallError> {
        let mut url = join(&self.server, "v1/agent/realtime")?;
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).map_err(|()| CallError::Lost)?;
        Ok((url, self.cookie.clone(), self.connection.tls.clone()))
    }
}

fn join(server: &Url, path: &str) -> Result<Url, CallError> {
    server.join(path).map_err(|_| CallError::Lost)
}

fn with_json(request: RequestBuilder, body: &impl Serialize) -> Result<RequestBuilder, CallError> {
    let body = serde_json::to_string(body).map_err(|_| CallError::Lost)?;
    Ok(request.header(CONTENT_TYPE, "application/json").body(body))
}

/// Sends a request; anything but success is an error.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, CallError> {
    // The error's own text may hold an address or a name, so it is not repeated.
    let response = request.send().await.map_err(|_| CallError::Lost)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with(PROBLEM_JSON) {
        return Err(CallError::Foreign(status.as_u16()));
    }
    let problem: Box<Problem> = read(response).await.map_err(|_| CallError::Foreign(status.as_u16()))?;
    if problem.status == status.as_u16() {
        Err(CallError::Refused(problem))
    } else {
        Err(CallError::Foreign(status.as_u16()))
    }
}

async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, CallError> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| CallError::Lost)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(CallError::Foreign(status));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_| CallError::Foreign(status))
}

/// The session in the form in which it is sent back.
fn session_cookie(response: &Response) -> Option<HeaderValue> {
    let cookies = response.headers().get_all(SET_COOKIE);
    let mut value = cookies.iter().filter_map(|cookie| cookie.to_str().ok()).find_map(own_cookie)?;
    value.set_sensitive(true);
    Some(value)
}

fn own_cookie(cookie: &str) -> Option<HeaderValue> {
    let pair = cookie.split(';').next()?.trim();
    let token = pair.strip_prefix(SESSION_COOKIE)?.strip_prefix('=')?;
    if token.is_empty() { None } else { HeaderValue::from_str(pair).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_session_is_taken_from_a_cookie() {
        let cookie = own_cookie("beistand_session=abc; HttpOnly; Path=/").unwrap();
        assert_eq!(cookie, "beistand_session=abc");
        for other in ["beistand_session=; Max-Age=0", "beistand_session2=abc", "x=y", ""] {
            assert!(own_cookie(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_foreign_answer_is_no_refusal() {
        let failure = Failure::from(CallError::Foreign(502));
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Failed, "unreachable"));
        let failure = Failure::from(CallError::Lost);
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Failed, "unreachable"));
    }
}
