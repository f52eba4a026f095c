//! An agent signs in and out. The session is a random token in a cookie that scripts cannot read; only its hash is
//! stored.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use beistand_protocol::{
    Code,
    agent::{Agent, SESSION_COOKIE, Session, SignIn},
    hex,
};

use crate::{
    api::{
        State as Shared,
        extract::{Address, Encrypted, ForAgent, ForApp, Json},
        openapi::{AgentProblems, SignInProblems},
        problem::{Answer, Refusal},
    },
    clock,
    desk::digest,
    store::Command,
};

fn cookie(shared: &Shared, encrypted: bool, token: &str, seconds: i64) -> String {
    let secure = if encrypted || shared.config.secure_cookies { "; Secure" } else { "" };
    format!("{SESSION_COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}")
}

/// Signs in.
#[utoipa::path(
    post,
    path = "/v1/agent/session",
    tag = "agent",
    request_body = SignIn,
    responses(
        (status = 200, description = "Signed in; the session is in the cookie", body = Session,
            headers(("Set-Cookie" = String, description = "The session"))),
        SignInProblems
    ),
    security(("app_key" = []))
)]
pub(crate) async fn sign_in(
    State(shared): State<Shared>,
    ForApp(app): ForApp,
    Address(address): Address,
    Encrypted(encrypted): Encrypted,
    Json(body): Json<SignIn>,
) -> Answer<Response> {
    shared.limits.sign_in(address)?;
    let row = shared.store.agent_by_name(app.id, &body.name).await?;
    let hash = row.as_ref().map(|row| row.password_hash.clone());
    let fits = shared.passwords.verify(body.password, hash).await?;
    let Some(row) = row.filter(|_| fits) else {
        return Err(Refusal::new(Code::WrongPassword, "the name or the password is wrong"));
    };
    let token = hex::encode(&clock::random::<32>(&*shared.clock));
    let at = shared.clock.now();
    let seconds = i64::from(shared.config.session_hours) * 3600;
    let expires_at = at.plus(seconds * 1000);
    let token_hash = digest::secret(token.as_bytes());
    let command = Command::BeginSession { app: app.id, agent: row.agent.id, token_hash, expires_at, at };
    shared.store.apply(command).await?;
    let session = Session { agent: row.agent, expires_at };
    Ok(([(header::SET_COOKIE, cookie(&shared, encrypted, &token, seconds))], axum::Json(session)).into_response())
}

/// Who is signed in.
#[utoipa::path(
    get,
    path = "/v1/agent/session",
    tag = "agent",
    responses((status = 200, description = "The agent that the session or the API key speaks for", body = Agent), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn who(agent: ForAgent) -> axum::Json<Agent> {
    axum::Json(agent.session.agent)
}

/// Signs out. An API key has no session to end and is not changed.
#[utoipa::path(
    delete,
    path = "/v1/agent/session",
    tag = "agent",
    responses((status = 204, description = "Signed out"), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn sign_out(
    State(shared): State<Shared>,
    agent: ForAgent,
    Encrypted(encrypted): Encrypted,
) -> Answer<Response> {
    if let Some(token_hash) = agent.token_hash {
        shared.store.apply(Command::EndSession { token_hash }).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(&shared, encrypted, "", 0))]).into_response())
}
