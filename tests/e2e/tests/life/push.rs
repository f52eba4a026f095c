//! Where an installation is woken: said once, offline too, and told until the server has it.

use beistand_core::ErrorKind;
use beistand_core::protocol::PushToken;
use beistand_test_support::proxy::Fault;
use rusqlite::Connection;

use crate::app::{House, until};

fn token(text: &str) -> PushToken {
    PushToken { service: "fcm".into(), token: text.into() }
}

impl House {
    /// The tokens that the server has, read from its file.
    fn tokens(&self) -> Vec<String> {
        let database = Connection::open(self.server.database()).unwrap();
        let mut found = database.prepare("SELECT token FROM push_tokens ORDER BY token").unwrap();
        found.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn says(&self, said: Option<PushToken>) {
        self.runtime.block_on(self.client.set_push_token(said)).unwrap();
    }
}

#[test]
fn a_token_is_told_after_the_registration_and_the_last_word_counts() {
    let house = House::new();
    house.says(Some(token("a:1")));
    house.says(Some(token("a:2")));
    // Nobody who never writes is registered for the sake of a token.
    assert_eq!(house.tokens(), [""; 0]);
    house.open("Wo ist mein Paket?");
    house.flush();
    until("the token is told", || house.tokens() == ["a:2"]);
    house.says(Some(token("a:3")));
    until("the new token is told", || house.tokens() == ["a:3"]);
    house.says(None);
    until("the token is taken back", || house.tokens().is_empty());
}

#[test]
fn a_token_that_was_said_offline_is_told_until_the_server_has_it() {
    let house = House::new();
    house.open("Wo ist mein Paket?");
    house.flush();
    house.proxy.set_faults(|| Fault::CutAnswer);
    house.says(Some(token("a:1")));
    let refused = house.runtime.block_on(house.client.set_push_token(Some(token("two words")))).unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::Refused(_)), "{refused:?}");
    house.proxy.set_faults(|| Fault::None);
    house.client.wake();
    until("the token is told", || house.tokens() == ["a:1"]);
}
