//! The WebSocket loop: one task per socket, small buffers, a ping after silence, a goodbye when the server stops.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code},
    response::Response,
};
use beistand_protocol::{
    ClientFrame, Code, Credential, Problem, ServerFrame,
    limits::{SOCKET_PING_MS, SOCKET_SILENCE_MS},
};
use tokio::time::{Instant, timeout};

use super::{Goodbye, Heard, Peer, Session, Side, counted, stopped};
use crate::{api::extract, listener::Place, server::Shared};

/// How long a socket without a credential in its headers may take to bring one.
const AUTH_WITHIN: Duration = Duration::from_secs(5);

/// The largest frame of a client: a typing sign has 100 bytes, a credential with an app key 300. A longer one is refused
/// by its header, before any of it is kept.
const FRAME_BYTES: usize = 4 * 1024;

/// Thousands of sockets are open and silent: each keeps little.
const BUFFER_BYTES: usize = 1024;

/// Answers an upgrade and runs the socket on a task of its own.
pub(crate) fn upgrade(
    upgrade: WebSocketUpgrade,
    shared: Arc<Shared>,
    side: Side,
    peer: Option<Peer>,
    place: Option<Arc<Place>>,
) -> Response {
    if let Some(place) = &place {
        place.state.becomes_socket();
    }
    upgrade
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(4 * FRAME_BYTES)
        .max_message_size(FRAME_BYTES)
        .max_frame_size(FRAME_BYTES)
        .on_upgrade(move |socket| async move {
            let _held = (counted(&shared), place);
            let (mut socket, reason) = run(socket, shared.clone(), side, peer).await;
            let _ = timeout(AUTH_WITHIN, socket.send(Message::Close(Some(reason)))).await;
        })
}

fn reason(code: u16, text: &'static str) -> CloseFrame {
    CloseFrame { code, reason: Utf8Bytes::from_static(text) }
}

/// A refusal as a close frame: the code of the problem is its reason.
fn refused(problem: &Problem) -> CloseFrame {
    let code = if problem.status >= 500 { close_code::AGAIN } else { close_code::POLICY };
    CloseFrame { code, reason: problem.code.clone().into() }
}

/// Runs until somebody leaves; the reason is for the close frame.
async fn run(mut socket: WebSocket, shared: Arc<Shared>, side: Side, peer: Option<Peer>) -> (WebSocket, CloseFrame) {
    let mut stopping = shared.stopping.subscribe();
    let peer = match peer {
        Some(peer) => peer,
        None => {
            let told = tokio::select! {
                told = timeout(AUTH_WITHIN, first_frame(&mut socket, &shared, side)) => told,
                () = stopped(&mut stopping) => {
                    return (socket, reason(close_code::AWAY, "the server stops"));
                }
            };
            match told {
                Ok(Ok(peer)) => peer,
                Ok(Err(problem)) => return (socket, refused(&problem)),
                Err(_) => return (socket, reason(close_code::POLICY, Code::Unauthorized.as_str())),
            }
        }
    };
    let (mut session, ready) = match Session::begin(shared.clone(), peer).await {
        Ok(begun) => begun,
        Err(problem) => return (socket, refused(&problem)),
    };
    if send(&mut socket, &ready).await.is_err() {
        return (socket, reason(close_code::AWAY, ""));
    }
    let silence = Duration::from_millis(SOCKET_SILENCE_MS);
    let ping = Duration::from_millis(SOCKET_PING_MS);
    let mut heard = Instant::now();
    let mut pinged = heard;
    loop {
        let next_ping = (pinged.max(heard) + ping).min(heard + silence);
        let frame = tokio::select! {
            () = stopped(&mut stopping) => {
                return (socket, reason(close_code::AWAY, "the server stops"));
            }
            delivery = session.subscription.next() => match session.hear(delivery) {
                Heard::Frame(frame) => Some(frame),
                Heard::Nothing => None,
                Heard::Leave(Goodbye::Moved) => {
                    return (socket, reason(close_code::RESTART, "the person has logged in: connect again"));
                }
                Heard::Leave(Goodbye::SignedOff) => {
                    return (socket, reason(close_code::POLICY, Code::Unauthorized.as_str()));
                }
            },
            message = socket.recv() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => match serde_json::from_str::<ClientFrame>(&text) {
                        Ok(frame) => session.take(frame).await,
                        Err(_) => return (socket, reason(close_code::UNSUPPORTED, Code::BadJson.as_str())),
                    },
                    Some(Ok(Message::Binary(_))) => {
                        return (socket, reason(close_code::UNSUPPORTED, "frames are text"));
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => {
                        return (socket, reason(close_code::NORMAL, ""));
                    }
                }
            }
            () = tokio::time::sleep_until(next_ping) => {
                if heard.elapsed() >= silence {
                    return (socket, reason(close_code::AWAY, "silent for too long"));
                }
                pinged = Instant::now();
                Some(ServerFrame::Ping)
            }
        };
        if let Some(frame) = frame
            && send(&mut socket, &frame).await.is_err()
        {
            return (socket, reason(close_code::AWAY, ""));
        }
    }
}

/// Sends a frame; a reader that takes nothing for as long as silence may last is gone.
async fn send(socket: &mut WebSocket, frame: &ServerFrame) -> Result<(), ()> {
    let text = serde_json::to_string(frame).map_err(|_| ())?;
    let sent = timeout(Duration::from_millis(SOCKET_SILENCE_MS), socket.send(Message::Text(text.into()))).await;
    sent.map_err(|_| ())?.map_err(|_| ())
}

/// The credential out of the first frame.
async fn first_frame(socket: &mut WebSocket, shared: &Shared, side: Side) -> Result<Peer, Problem> {
    let unauthorized = |detail: &str| Problem::new(Code::Unauthorized, detail);
    let text = loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => break text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return Err(unauthorized("the first frame is not a credential")),
        }
    };
    let Ok(ClientFrame::Auth { app_key, token }) = serde_json::from_str(&text) else {
        return Err(unauthorized("the first frame is not a credential"));
    };
    match side {
        Side::Agent => {
            let agent = extract::check_agent(shared, &token).await?;
            Ok(Peer::agent(agent.app.id, &agent.agent))
        }
        Side::Person => {
            let app_key = app_key.ok_or_else(|| Problem::new(Code::UnknownApp, "the frame names no app"))?;
            let app = shared.app(&app_key).await?;
            let credential =
                Credential::from_token(&token).ok_or_else(|| unauthorized("the credential is malformed"))?;
            let device = extract::check_device(shared, &app, &credential).await?;
            Ok(Peer::Person { app: app.id, person: device.person, device: credential.device })
        }
    }
}
