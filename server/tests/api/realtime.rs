//! Hints and typing, through the socket that needs no network.

use axum::http::Method;
use beistand_protocol::{Author, ClientFrame, ServerFrame};

use super::house::{conversation, house};

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
