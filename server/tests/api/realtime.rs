//! Hints and typing: through the socket that needs no network, and through a real one.

use axum::http::Method;
use beistand_protocol::{Author, ClientFrame, ServerFrame};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode},
};

use super::house::{House, Phone, conversation, house};

#[tokio::test]
async fn a_commit_rings_and_many_ring_once() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let mut socket = house.server.connect_in_process("shop", &phone.credential.to_token()).await.unwrap();
    assert_eq!(socket.recv().await, Some(ServerFrame::Ready { seq: 0 }));
    let (id, _) = house.open(&phone).await;
    assert_eq!(socket.recv().await, Some(ServerFrame::Hint { seq: 2 }));
    for _ in 0..5 {
        house.answer(&agent, id, "Guten Tag", "all").await;
    }
    assert_eq!(socket.recv().await, Some(ServerFrame::Hint { seq: 12 }));
    // A note rings at no person's door.
    house.answer(&agent, id, "Notiz", "agents").await;
    assert_eq!(socket.try_recv(), None);
    socket.send(ClientFrame::Ping).await;
    assert_eq!(socket.recv().await, Some(ServerFrame::Pong));
}

#[tokio::test]
async fn a_wrong_credential_opens_no_socket() {
    let house = house().await;
    let phone = house.phone().await;
    let mut stranger = phone.credential;
    stranger.secret.0[0] ^= 1;
    for (key, token, code) in [
        ("none", phone.credential.to_token(), "unknown-app"),
        ("shop", stranger.to_token(), "unauthorized"),
        ("shop", "nonsense".into(), "unauthorized"),
    ] {
        let refused = house.server.connect_in_process(key, &token).await.err().unwrap();
        assert_eq!(refused.code, code);
    }
}

#[tokio::test]
async fn typing_reaches_the_other_side_of_own_conversations_only() {
    let house = house().await;
    let (jana, tom) = (house.phone().await, house.phone().await);
    let (id, _) = house.open(&jana).await;
    let mut hers = house.server.connect_in_process("shop", &jana.credential.to_token()).await.unwrap();
    let mut his = house.server.connect_in_process("shop", &tom.credential.to_token()).await.unwrap();
    assert!(matches!(hers.recv().await, Some(ServerFrame::Ready { .. })));
    assert!(matches!(his.recv().await, Some(ServerFrame::Ready { .. })));
    let mut desk = house.server.connect_agent_in_process("shop", "Deniz").await.unwrap();
    assert!(matches!(desk.recv().await, Some(ServerFrame::Ready { .. })));
    let typing = |id| ClientFrame::Typing { conversation_id: id, typing: true };
    his.send(typing(id)).await;
    his.send(typing(conversation())).await;
    assert_eq!(desk.try_recv(), None);
    hers.send(typing(id)).await;
    assert_eq!(
        desk.recv().await,
        Some(ServerFrame::Typing { conversation_id: id, author: Author::Person, typing: true })
    );
    desk.send(typing(id)).await;
    assert!(matches!(hers.recv().await,
        Some(ServerFrame::Typing { author: Author::Agent { name, .. }, .. }) if name == "Deniz"));
    assert_eq!(his.try_recv(), None);
}

#[tokio::test]
async fn a_socket_path_without_an_upgrade_is_a_problem() {
    let house = house().await;
    let phone = house.phone().await;
    assert_eq!(house.get(&phone, "/v1/realtime").await.code(), "bad-parameter");
    assert_eq!(house.call(Method::GET, "/v1/realtime", vec![], None).await.code(), "unauthorized");
    assert_eq!(house.call(Method::GET, "/v1/agent/realtime", vec![], None).await.code(), "unauthorized");
}

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn listen(house: &House) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = house.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("ws://{address}")
}

async fn heard(socket: &mut Socket) -> Message {
    socket.next().await.unwrap().unwrap()
}

fn auth(phone: &Phone) -> Message {
    let frame = ClientFrame::Auth { app_key: Some("shop".into()), token: phone.credential.to_token() };
    Message::text(serde_json::to_string(&frame).unwrap())
}

#[tokio::test]
async fn a_real_socket_takes_its_credential_from_headers_or_the_first_frame() {
    let house = house().await;
    let phone = house.phone().await;
    let url = listen(&house).await;
    let mut request = format!("{url}/v1/realtime").into_client_request().unwrap();
    for (name, value) in phone.headers() {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let (mut by_header, _) = connect_async(request).await.unwrap();
    let (mut by_frame, _) = connect_async(format!("{url}/v1/realtime")).await.unwrap();
    by_frame.send(auth(&phone)).await.unwrap();
    for socket in [&mut by_header, &mut by_frame] {
        assert_eq!(heard(socket).await, Message::text(r#"{"t":"ready","seq":0}"#));
    }
    house.open(&phone).await;
    for socket in [&mut by_header, &mut by_frame] {
        assert_eq!(heard(socket).await, Message::text(r#"{"t":"hint","seq":2}"#));
        socket.send(Message::text(r#"{"t":"ping"}"#)).await.unwrap();
        assert_eq!(heard(socket).await, Message::text(r#"{"t":"pong"}"#));
        socket.send(Message::text(r#"{"t":"of a later version","x":1}"#)).await.unwrap();
    }
    house.server.shutdown().await;
    for socket in [&mut by_header, &mut by_frame] {
        let Message::Close(Some(close)) = heard(socket).await else { panic!("no close frame") };
        assert_eq!(close.code, CloseCode::Away);
    }
}

#[tokio::test]
async fn a_login_asks_to_connect_again_and_a_sign_off_does_not() {
    let house = house().await;
    house.add_key().await;
    let (first, second) = (house.phone().await, house.phone().await);
    let url = listen(&house).await;
    assert_eq!(house.log_in(&first, &house.token("user-1")).await.status, 200);
    let (mut socket, _) = connect_async(format!("{url}/v1/realtime")).await.unwrap();
    socket.send(auth(&second)).await.unwrap();
    assert_eq!(heard(&mut socket).await, Message::text(r#"{"t":"ready","seq":0}"#));
    assert_eq!(house.log_in(&second, &house.token("user-1")).await.status, 200);
    let Message::Close(Some(close)) = heard(&mut socket).await else { panic!("no close frame") };
    assert_eq!(close.code, CloseCode::Restart);
    let (mut socket, _) = connect_async(format!("{url}/v1/realtime")).await.unwrap();
    socket.send(auth(&second)).await.unwrap();
    assert!(matches!(heard(&mut socket).await, Message::Text(_)));
    let path = format!("/v1/devices/{}", second.credential.device);
    assert_eq!(house.call(Method::DELETE, &path, second.headers(), None).await.status, 204);
    let Message::Close(Some(close)) = heard(&mut socket).await else { panic!("no close frame") };
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::Policy, "unauthorized"));
}

#[tokio::test]
async fn a_socket_with_a_wrong_credential_is_closed_with_the_code_of_the_problem() {
    let house = house().await;
    let mut phone = house.phone().await;
    let url = listen(&house).await;
    phone.credential.secret.0[0] ^= 1;
    for path in ["/v1/realtime", "/v1/agent/realtime"] {
        let (mut socket, _) = connect_async(format!("{url}{path}")).await.unwrap();
        socket.send(auth(&phone)).await.unwrap();
        let Message::Close(Some(close)) = heard(&mut socket).await else { panic!("no close frame") };
        assert_eq!((close.code, close.reason.as_str()), (CloseCode::Policy, "unauthorized"));
    }
    let mut request = format!("{url}/v1/realtime").into_client_request().unwrap();
    for (name, value) in phone.headers() {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    assert!(connect_async(request).await.unwrap_err().to_string().contains("401"));
}

#[tokio::test]
async fn an_agents_socket_hears_every_conversation_and_its_notes() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let url = listen(&house).await;
    let mut request = format!("{url}/v1/agent/realtime").into_client_request().unwrap();
    request.headers_mut().insert("cookie", agent[0].1.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    assert_eq!(heard(&mut socket).await, Message::text(r#"{"t":"ready","seq":0}"#));
    let (id, _) = house.open(&phone).await;
    assert_eq!(heard(&mut socket).await, Message::text(r#"{"t":"hint","seq":2}"#));
    house.answer(&agent, id, "Notiz", "agents").await;
    assert_eq!(heard(&mut socket).await, Message::text(r#"{"t":"hint","seq":4}"#));
    let mut hers = house.server.connect_in_process("shop", &phone.credential.to_token()).await.unwrap();
    let typing = json!({ "t": "typing", "conversation_id": id, "typing": true });
    socket.send(Message::text(typing.to_string())).await.unwrap();
    assert!(matches!(hers.recv().await, Some(ServerFrame::Ready { .. })));
    assert!(matches!(hers.recv().await, Some(ServerFrame::Typing { typing: true, .. })));
}
