//! Watching the desk. The socket only says *look*; what has changed is asked for by cursor, so a lost socket or hint costs
//! time, never a change. What was there before the watch began is not told.

use std::time::Duration;

use beistand_core::protocol::{
    Change, ChangeBody, KnownChange, ServerFrame, SyncPage,
    limits::{SOCKET_PING_MS, SOCKET_SILENCE_MS},
};
use futures_util::{SinkExt, StreamExt};
use reqwest::header::COOKIE;
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{Message as Frame, client::IntoClientRequest},
};

use super::{
    desk::{CallError, Desk},
    look,
};
use crate::{exit::Failure, human, output::Output};

/// A lost socket is opened again after this, doubling up to [`SLOWEST`].
const SOON: Duration = Duration::from_millis(500);
const SLOWEST: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Prints changes until Ctrl-C or until time is up.
pub async fn watch(desk: &Desk, time: Option<Duration>, output: &mut Output) -> Result<(), Failure> {
    let end = async {
        match time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = end => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
        failed = follow(desk, output) => failed,
    }
}

async fn follow(desk: &Desk, output: &mut Output) -> Result<(), Failure> {
    let mut cursor = None;
    pull(desk, &mut cursor, None).await?;
    output.tell(|| json!({"kind": "ready"}), |_| "* watching; Ctrl-C ends it".into())?;
    let mut pause = SOON;
    loop {
        if let Ok(socket) = open(desk).await {
            pause = SOON;
            listen(desk, socket, &mut cursor, output).await?;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(SLOWEST);
        caught_up(pull(desk, &mut cursor, Some(output)).await)?;
    }
}

/// No connection passes; a refusal, such as a session that has ended, does not.
fn caught_up(pulled: Result<(), PullError>) -> Result<(), Failure> {
    match pulled {
        Err(PullError::Call(error @ CallError::Refused(_))) => Err(error.into()),
        Err(PullError::Output(failure)) => Err(failure),
        Ok(()) | Err(PullError::Call(_)) => Ok(()),
    }
}

enum PullError {
    Call(CallError),
    Output(Failure),
}

impl From<CallError> for PullError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        match error {
            PullError::Call(error) => error.into(),
            PullError::Output(failure) => failure,
        }
    }
}

/// Asks for everything new and tells it; a snapshot only moves the cursor.
async fn pull(desk: &Desk, cursor: &mut Option<String>, mut output: Option<&mut Output>) -> Result<(), PullError> {
    loop {
        let query: Vec<_> = cursor.as_deref().map(|cursor| ("cursor", cursor)).into_iter().collect();
        let page: SyncPage = desk.get("v1/agent/sync", &query).await?;
        if let Some(output) = output.as_deref_mut().filter(|_| page.snapshot.is_none()) {
            for change in &page.changes {
                output.tell(|| json!(change), |width| described(change, width)).map_err(PullError::Output)?;
            }
        }
        let stands_still = cursor.as_deref() == Some(page.cursor.as_str());
        *cursor = Some(page.cursor);
        if !page.has_more || stands_still {
            return Ok(());
        }
    }
}

fn described(change: &Change, width: usize) -> String {
    match &change.body {
        ChangeBody::Known(KnownChange::Conversation { conversation }) => {
            format!("\n{}", look::in_list(conversation, width).trim_end())
        }
        ChangeBody::Known(KnownChange::Message { message }) => {
            let text = look::in_timeline(message, "customer", width);
            format!("{text}\n  in {}", change.conversation_id)
        }
        ChangeBody::Unknown(_) => String::new(),
    }
}

async fn open(desk: &Desk) -> Result<Socket, CallError> {
    let (url, cookie, tls) = desk.socket()?;
    let encrypted = url.scheme() == "wss";
    let mut request = url.as_str().into_client_request().map_err(|_| CallError::Lost)?;
    request.headers_mut().insert(COOKIE, cookie);
    let connector = if encrypted { Connector::Rustls(tls) } else { Connector::Plain };
    let opening = connect_async_tls_with_config(request, None, true, Some(connector));
    let opened = tokio::time::timeout(Duration::from_secs(10), opening).await.map_err(|_| CallError::Lost)?;
    opened.map(|(socket, _)| socket).map_err(|_| CallError::Lost)
}

/// Follows the socket until it is lost.
async fn listen(
    desk: &Desk,
    mut socket: Socket,
    cursor: &mut Option<String>,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut ping = tokio::time::interval(Duration::from_millis(SOCKET_PING_MS));
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            received = socket.next() => match received {
                Some(Ok(Frame::Text(text))) => {
                    heard = Instant::now();
                    match serde_json::from_str(text.as_str()).unwrap_or(ServerFrame::Unknown) {
                        ServerFrame::Ready { .. } | ServerFrame::Hint { .. } => {
                            caught_up(pull(desk, cursor, Some(output)).await)?;
                        }
                        ServerFrame::Typing { conversation_id, author, typing } => output.tell(
                            || json!({"kind": "typing", "conversation_id": conversation_id, "author": author, "typing": typing}),
                            |_| {
                                let name = human::author(&author, "the customer");
                                if typing { format!("\n* {name} is typing in {conversation_id}") } else { String::new() }
                            },
                        )?,
                        ServerFrame::Ping => {
                            if socket.send(Frame::text(r#"{"t":"pong"}"#)).await.is_err() {
                                return Ok(());
                            }
                        }
                        ServerFrame::Pong | ServerFrame::Unknown => {}
                    }
                }
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => heard = Instant::now(),
            },
            _ = ping.tick() => {
                let silent = heard.elapsed() > Duration::from_millis(SOCKET_SILENCE_MS);
                if silent || socket.send(Frame::text(r#"{"t":"ping"}"#)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}
