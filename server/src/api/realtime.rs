//! The person's socket. With a credential in the headers it is checked before the upgrade; without one, the first frame
//! must bring it.

use axum::{
    extract::{FromRequestParts, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{header, request::Parts},
    response::Response,
};

use super::{
    State as Shared,
    extract::Visitor,
    openapi::VisitorProblems,
    problem::{Answer, Refusal},
};
use crate::{
    listener::Arrival,
    realtime::{self, Peer, Side},
};

/// An upgrade, or why the request is none.
pub(crate) struct Upgrade {
    asked: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    /// Kept as long as the socket: it goes on holding its place among the connections.
    arrival: Option<Arrival>,
}

impl FromRequestParts<Shared> for Upgrade {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refusal> {
        let arrival = parts.extensions.get::<Arrival>().cloned();
        Ok(Self { asked: WebSocketUpgrade::from_request_parts(parts, shared).await, arrival })
    }
}

impl Upgrade {
    /// Whether the request asks for a socket at all.
    pub(crate) fn is_one(&self) -> bool {
        self.asked.is_ok()
    }

    /// Goes on as a socket.
    pub(crate) fn run(self, shared: Shared, side: Side, peer: Option<Peer>) -> Answer<Response> {
        match self.asked {
            Ok(upgrade) => {
                let place = self.arrival.map(|arrival| arrival.place);
                Ok(realtime::upgrade(upgrade, shared, side, peer, place))
            }
            Err(_) => Err(Refusal::parameter("Upgrade", "this path is a WebSocket: the upgrade headers are missing")),
        }
    }
}

/// Whoever asks, if the headers say so. An error only counts when they do, or when there is no first frame to wait for.
pub(crate) struct Maybe<T>(pub(crate) Result<T, Refusal>, bool);

impl<T> Maybe<T> {
    /// `None` if the first frame has to tell.
    pub(crate) fn known(self, upgrade: &Upgrade) -> Answer<Option<T>> {
        match self.0 {
            Ok(known) => Ok(Some(known)),
            Err(_) if !self.1 && upgrade.is_one() => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }
}

impl<T: FromRequestParts<Shared, Rejection = Refusal>> FromRequestParts<Shared> for Maybe<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refusal> {
        let told = parts.headers.contains_key(header::AUTHORIZATION) || parts.headers.contains_key(header::COOKIE);
        Ok(Self(T::from_request_parts(parts, shared).await, told))
    }
}

/// The person's socket: hints and typing.
#[utoipa::path(
    get,
    path = "/v1/realtime",
    tag = "visitor",
    responses((status = 101, description = "The connection is a WebSocket now"), VisitorProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn realtime(
    State(shared): State<Shared>,
    visitor: Maybe<Visitor>,
    upgrade: Upgrade,
) -> Answer<Response> {
    let peer = visitor.known(&upgrade)?.map(|visitor| {
        let Visitor { app, device, person } = visitor;
        Peer::Person { app: app.id, person, device }
    });
    upgrade.run(shared, Side::Person, peer)
}
