//! Logins: proven, put off, refused.

use std::time::Duration;

use beistand_core::{ClientEvent, ErrorKind, LoginError, TokenReason, Who};
use beistand_protocol::Code;
use beistand_test_support::identity::Reply;

use super::{at_server, identities, later, listed, offline, open, world};

fn failed(error: LoginError) -> ErrorKind {
    ErrorKind::LoginFailed(error)
}

fn anna(confirmed: bool) -> Who {
    Who { subject: Some("anna".into()), confirmed }
}

#[test]
fn an_anonymous_person_becomes_the_user_with_all_that_was_said() {
    world(async |world, backend| {
        let client = world.client().clone();
        let opened = open(&client, "noch ohne Namen").await;
        later().await;
        assert_eq!(at_server(&world, opened.conversation).await.unwrap().0, None);
        assert_eq!(client.login(backend.user("anna")).await.unwrap(), anna(true));
        let (subject, texts) = at_server(&world, opened.conversation).await.unwrap();
        assert_eq!((subject.as_deref(), texts), (Some("anna"), vec!["noch ohne Namen".to_owned()]));
        assert_eq!(listed(&client).await, [opened.conversation]);
        // The same user again moves nothing, and the server is not asked.
        assert_eq!(client.login(backend.user("anna")).await.unwrap(), anna(true));
        assert_eq!(identities(&world), 1);
    });
}

#[test]
fn a_login_without_a_network_stands_and_is_confirmed_by_itself() {
    world(async |mut world, backend| {
        let client = world.client().clone();
        let mut events = client.events();
        offline(&world, true);
        assert_eq!(client.login(backend.user("anna")).await.unwrap(), anna(false));
        let opened = open(&client, "im Tunnel").await;
        offline(&world, false);
        later().await;
        assert_eq!(client.identity().get(), anna(true));
        assert!(std::iter::from_fn(|| events.try_recv().ok()).any(|event| event == ClientEvent::LoginConfirmed));
        assert_eq!(at_server(&world, opened.conversation).await.unwrap().0.as_deref(), Some("anna"));
        drop(client);
        // It outlives the process.
        world.break_phone(beistand_test_support::world::Ending::PowerLost).await;
        world.client().conversations().list().await.unwrap();
        assert_eq!(world.client().identity().get(), anna(true));
    });
}

#[test]
fn each_reason_of_the_server_is_answered_with_one_more_token() {
    world(async |world, backend| {
        let client = world.client().clone();
        backend.script([Reply::Token(backend.old_token("anna", 3000)), Reply::Token(backend.old_token("anna", -3000))]);
        assert_eq!(client.login(backend.user("anna")).await.unwrap(), anna(true));
        let reasons: Vec<_> = backend.asked().into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(reasons, [TokenReason::First, TokenReason::Expired, TokenReason::ClockSkew]);
    });
}

#[test]
fn a_login_that_the_server_refuses_twice_leaves_everything_as_it_was() {
    world(async |world, backend| {
        let client = world.client().clone();
        let opened = open(&client, "von vorher").await;
        later().await;
        let expired = backend.old_token("anna", 3000);
        backend.script([Reply::Token(expired.clone()), Reply::Token(expired)]);
        let error = client.login(backend.user("anna")).await.unwrap_err();
        assert_eq!(error.kind, failed(LoginError::Refused(Code::TokenExpired)));
        assert_eq!(backend.asked().len(), 2);
        assert_eq!(client.identity().get(), Who::default());
        assert_eq!(listed(&client).await, [opened.conversation]);
        later().await;
        assert_eq!(backend.asked().len(), 2, "nobody is asked again behind the app's back");
        assert_eq!(at_server(&world, opened.conversation).await.unwrap().0, None);

        // Whoever is signed in stays so when another user is refused.
        assert_eq!(client.login(backend.user("anna")).await.unwrap(), anna(true));
        let expired = backend.old_token("bert", 3000);
        backend.script([Reply::Token(expired.clone()), Reply::Token(expired)]);
        client.login(backend.user("bert")).await.unwrap_err();
        assert_eq!(client.identity().get(), anna(true));
        assert_eq!(listed(&client).await, [opened.conversation]);
        later().await;
        assert_eq!(identities(&world), 1, "the device that was made for bert is signed off");
    });
}

#[test]
fn what_was_written_under_a_refused_login_is_never_the_next_users() {
    world(async |world, backend| {
        let client = world.client().clone();
        offline(&world, true);
        backend.script([Reply::Token(backend.old_token("anna", 3000))]);
        assert_eq!(client.login(backend.user("anna")).await.unwrap(), anna(false));
        let opened = open(&client, "von Anna, offline").await;
        backend.fail(true);
        offline(&world, false);
        later().await;
        // It has left, as somebody whom agents cannot name; and anna is still the one who wrote it.
        assert_eq!(at_server(&world, opened.conversation).await.unwrap().0, None);
        assert_eq!(client.identity().get(), anna(false));
        backend.fail(false);
        let who = client.login(backend.user("bert")).await.unwrap();
        assert_eq!((who.subject.as_deref(), who.confirmed), (Some("bert"), true));
        assert_eq!(listed(&client).await, []);
        later().await;
        assert_ne!(at_server(&world, opened.conversation).await.unwrap().0.as_deref(), Some("bert"));
    });
}

#[test]
fn a_provider_that_fails_stalls_or_lies_changes_nothing() {
    world(async |world, backend| {
        let client = world.client().clone();
        let before = tokio::time::Instant::now();
        backend.script([Reply::Fail, Reply::Never, Reply::Token("kein.Token".into())]);
        for error in [LoginError::ProviderFailed, LoginError::ProviderTimeout, LoginError::TokenMalformed] {
            assert_eq!(client.login(backend.user("anna")).await.unwrap_err().kind, failed(error));
            assert_eq!(client.identity().get(), Who::default());
        }
        assert!(before.elapsed() < Duration::from_secs(40));
        // Asked for a fresh token, the backend speaks of whoever is signed in to the app by now.
        let (old, other) = (backend.old_token("anna", 3000), backend.old_token("bert", 0));
        backend.script([Reply::Token(old), Reply::Token(other)]);
        let error = client.login(backend.user("anna")).await.unwrap_err();
        assert_eq!(error.kind, failed(LoginError::OtherSubject));
        assert_eq!(client.identity().get(), Who::default());
    });
}

#[test]
fn the_last_of_several_calls_counts() {
    world(async |world, backend| {
        let client = world.client().clone();
        backend.script([Reply::Never]);
        let (first, second) = tokio::join!(client.login(backend.user("anna")), client.login(backend.user("bert")));
        assert_eq!(first.unwrap_err().kind, failed(LoginError::Superseded));
        assert_eq!(second.unwrap().subject.as_deref(), Some("bert"));
        backend.script([Reply::Never]);
        let keep = beistand_core::Logout::Keep;
        let (login, logout) = tokio::join!(client.login(backend.user("anna")), client.logout(keep));
        assert_eq!(login.unwrap_err().kind, failed(LoginError::Superseded));
        logout.unwrap();
        assert_eq!(client.identity().get(), Who::default());
        drop(world);
    });
}

#[test]
fn a_login_that_a_restored_server_has_forgotten_is_proven_again() {
    world(async |mut world, backend| {
        let client = world.client().clone();
        let before = open(&client, "vor der Anmeldung").await;
        later().await;
        world.take_backup().await;
        client.login(backend.user("anna")).await.unwrap();
        let opened = open(&client, "nach der Anmeldung").await;
        later().await;
        assert!(world.restore_backup().await);
        client.wake();
        client.sync().await.unwrap();
        later().await;
        assert_eq!(client.identity().get(), anna(true));
        for id in [before.conversation, opened.conversation] {
            assert_eq!(at_server(&world, id).await.unwrap().0.as_deref(), Some("anna"));
        }
    });
}
