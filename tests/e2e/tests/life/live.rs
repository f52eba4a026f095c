//! Over the real socket: what an agent writes appears while the person looks, typing shows on both sides, and a socket
//! that was lost comes back by itself.

use std::time::{Duration, Instant};

use beistand_core::{Connection, Difference, Timeline};
use beistand_protocol::{ClientFrame, ConversationId, MessageId, ServerFrame};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Message as Frame, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::app::{House, SOON};

/// Without a socket a client asks every 15 seconds: what comes sooner has come over the socket.
const SOONER_THAN_ASKING: Duration = Duration::from_secs(5);

/// Waits until a message is shown.
async fn shows(timeline: &mut Timeline, message: MessageId, within: Duration) -> Duration {
    let began = Instant::now();
    let seen = async {
        loop {
            let differences = timeline.next().await.expect("the client lives");
            let inserted = |difference: &Difference| match difference {
                Difference::Insert { message: shown, .. } => shown.id == message,
                Difference::Reset(all) => all.iter().any(|shown| shown.id == message),
                _ => false,
            };
            if differences.iter().any(inserted) {
                return;
            }
        }
    };
    tokio::time::timeout(within, seen).await.expect("the message is shown in time");
    began.elapsed()
}

/// A house in which somebody looks at a conversation, with the socket open.
fn looking() -> (House, ConversationId, Timeline) {
    let house = House::new();
    let opened = house.open("Wo ist mein Paket?");
    house.flush();
    let mut timeline =
        house.runtime.block_on(house.client.conversations().timeline(opened.conversation)).expect("it is there");
    // The first message over the socket shows that it stands.
    let first = house.agent_writes(opened.conversation, "Ich sehe nach.");
    house.runtime.block_on(shows(&mut timeline, first, SOON));
    crate::app::until("a socket", || house.proxy.tally().sockets > 0);
    (house, opened.conversation, timeline)
}

#[test]
fn what_an_agent_writes_is_shown_without_asking_for_it() {
    let (house, conversation, mut timeline) = looking();
    for number in 0..3 {
        let answer = house.agent_writes(conversation, &format!("Antwort {number}"));
        let took = house.runtime.block_on(shows(&mut timeline, answer, SOONER_THAN_ASKING));
        println!("shown after {took:?}");
    }
    assert_eq!(house.client.connection().get(), Connection::Online);
    // With nobody looking the socket is closed: a phone in a pocket holds no connection.
    drop(timeline);
    assert!(house.proxy.wait_until_idle(SOON), "the socket stays open");
}

#[test]
fn a_socket_that_was_cut_comes_back_and_brings_what_was_missed() {
    let (house, conversation, mut timeline) = looking();
    house.proxy.cut();
    let missed = house.agent_writes(conversation, "Während die Leitung fehlte");
    house.runtime.block_on(shows(&mut timeline, missed, SOON));
    let live = house.agent_writes(conversation, "Wieder da");
    house.runtime.block_on(shows(&mut timeline, live, SOON));
}

#[test]
fn a_server_that_restarts_is_found_again_by_itself() {
    let (mut house, conversation, mut timeline) = looking();
    house.server.kill();
    let unsent = house.send(conversation, "Seid ihr noch da?");
    house.server.restart();
    let arrived = house.runtime.block_on(house.client.outbox().wait_for(unsent, SOON)).expect("it is known");
    assert!(arrived.is_some(), "it left by itself");
    let answer = house.agent_writes(conversation, "Ja.");
    let took = house.runtime.block_on(shows(&mut timeline, answer, Duration::from_secs(20)));
    println!("the first answer is shown after {took:?}");
    let live = house.agent_writes(conversation, "Was gibt es?");
    let took = house.runtime.block_on(shows(&mut timeline, live, SOONER_THAN_ASKING));
    println!("the second one after {took:?}");
    assert_eq!(house.words(conversation).len(), 5, "nothing is doubled");
}

struct AgentSocket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl AgentSocket {
    async fn open(house: &House) -> Self {
        let url = format!("ws://127.0.0.1:{}/v1/agent/realtime", house.server.port);
        let mut request = url.into_client_request().expect("a request");
        request.headers_mut().insert("cookie", house.desk.cookie().parse().expect("a header"));
        let (stream, _) = connect_async(request).await.expect("the agent's socket");
        let mut socket = Self(stream);
        assert!(matches!(socket.next().await, ServerFrame::Ready { .. }));
        socket
    }

    async fn next(&mut self) -> ServerFrame {
        loop {
            let frame = tokio::time::timeout(SOON, self.0.next()).await.expect("a frame in time");
            if let Frame::Text(text) = frame.expect("an open socket").expect("a whole frame") {
                return serde_json::from_str(text.as_str()).expect("a documented frame");
            }
        }
    }

    async fn types(&mut self, conversation_id: ConversationId, typing: bool) {
        let frame = serde_json::to_string(&ClientFrame::Typing { conversation_id, typing }).expect("a frame");
        self.0.send(Frame::text(frame)).await.expect("an open socket");
    }
}

#[test]
fn typing_shows_on_both_sides_and_goes_away() {
    let (house, conversation, timeline) = looking();
    house.runtime.block_on(async {
        let mut agent = AgentSocket::open(&house).await;
        let mut signs = house.client.typing().subscribe();
        assert_eq!(signs.next().await, Some(Vec::new()), "the current value first");

        house.client.conversations().set_typing(conversation, true);
        for expected in [true, false] {
            let told = loop {
                if let ServerFrame::Typing { conversation_id, typing, .. } = agent.next().await {
                    assert_eq!(conversation_id, conversation);
                    break typing;
                }
            };
            assert_eq!(told, expected);
            house.client.conversations().set_typing(conversation, false);
        }

        agent.types(conversation, true).await;
        let shown = tokio::time::timeout(SOON, signs.next()).await.expect("in time").expect("the client lives");
        assert_eq!(shown.iter().map(|sign| sign.conversation_id).collect::<Vec<_>>(), [conversation]);
        agent.types(conversation, false).await;
        let shown = tokio::time::timeout(SOON, signs.next()).await.expect("in time").expect("the client lives");
        assert!(shown.is_empty(), "{shown:?}");

        // An agent whose connection dies in the middle of a word does not type for ever.
        agent.types(conversation, true).await;
        let shown = tokio::time::timeout(SOON, signs.next()).await.expect("in time").expect("the client lives");
        assert_eq!(shown.len(), 1);
        drop(agent);
        let shown = tokio::time::timeout(SOON, signs.next()).await.expect("the sign fades").expect("the client lives");
        assert!(shown.is_empty(), "{shown:?}");
    });
    drop(timeline);
}
