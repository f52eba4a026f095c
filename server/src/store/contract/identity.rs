//! What every store must do when a person turns out to be somebody, and when a device leaves.

use beistand_protocol::{AttachmentId, Code, Epoch, MessageId, PersonId, PushToken, UnixMillis};

use super::{House, Phone, message, opening, refused, saying};
use crate::{
    bus::{Bus as _, Delivery},
    identity::{KeyMaterial, Login},
    store::{
        Announced, Applied, AttachmentCommand, Command, IdentityCommand, Outcome, Reader, StoreError, Stream, Uploader,
        Waiting,
        command::{PersonWrite, PushCommand},
    },
};

fn login(subject: &str, name: Option<&str>) -> Login {
    Login { subject: subject.into(), name: name.map(Into::into) }
}

impl House {
    async fn identity(&self, command: IdentityCommand) -> Result<Applied, StoreError> {
        self.store.apply(Command::Identity(command)).await
    }

    async fn log_in(&self, phone: Phone, login: Login) -> Result<beistand_protocol::Identity, StoreError> {
        let applied = self.identity(IdentityCommand::LogIn { app: self.app, device: phone.device, login }).await?;
        let Outcome::Identity(identity) = applied.outcome else { panic!() };
        Ok(identity)
    }

    async fn epoch(&self, person: PersonId) -> Epoch {
        self.store.newest(self.app, Stream::Person(person)).await.unwrap().1
    }
}

pub(super) async fn a_login_makes_a_person_the_user_or_an_alias_of_one(mut house: House) {
    let (first, second) = (house.phone().await, house.phone().await);
    let (older, _) = house.opened(first).await;
    let (newer, _) = house.opened(second).await;
    let new = house.log_in(first, login("u", None)).await.unwrap();
    assert_eq!((new.person_id, new.name, new.merged), (first.person, None, false));
    let merged = house.log_in(second, login("u", Some("Jana"))).await.unwrap();
    assert_eq!((merged.person_id, merged.name.as_deref(), merged.merged), (first.person, Some("Jana"), true));
    let page = house.page(Stream::Person(first.person), None, 200, None).await;
    let held: std::collections::BTreeSet<_> = page.changes.iter().map(|change| change.conversation_id).collect();
    assert_eq!(held, [older, newer].into());
    for id in [older, newer] {
        assert_eq!(house.store.owner(house.app, id).await.unwrap(), Some(first.person));
        let seen = house.store.conversation(house.app, Reader::Agent, id).await.unwrap().unwrap();
        let person = seen.person.unwrap();
        assert_eq!((person.subject.as_deref(), person.name.as_deref()), (Some("u"), Some("Jana")));
    }
    assert_eq!(house.store.device(house.app, second.device).await.unwrap().unwrap().person, first.person);
    // Once more, and without a name: nothing changes.
    let agents = house.store.newest(house.app, Stream::Agents).await.unwrap();
    let again = house.log_in(second, login("u", None)).await.unwrap();
    assert_eq!((again.name.as_deref(), again.merged, &again.epoch), (Some("Jana"), false, &merged.epoch));
    assert_eq!(house.store.newest(house.app, Stream::Agents).await.unwrap(), agents);
    // Another user: refused, and nothing of it stays.
    let refusal = house.log_in(second, login("v", Some("Tom"))).await.unwrap_err();
    assert_eq!(refusal.code(), Some(Code::OtherUser));
    let third = house.phone().await;
    assert!(!house.log_in(third, login("v", None)).await.unwrap().merged);
    assert_eq!(house.store.owner(house.app, newer).await.unwrap(), Some(first.person));
}

pub(super) async fn whatever_still_names_an_alias_lands_at_the_user(mut house: House) {
    let (first, second) = (house.phone().await, house.phone().await);
    let (id, opened) = house.opened(second).await;
    house.log_in(first, login("u", None)).await.unwrap();
    house.log_in(second, login("u", None)).await.unwrap();
    // As if the credential had been read a moment before: the commands name the anonymous person.
    let text = MessageId::mint(UnixMillis(2), house.random());
    assert_eq!(message(house.write(second, id, 2, PersonWrite::Send(text, saying("spät"))).await.unwrap()).seq, 2);
    let replay = house.write(second, id, 1, PersonWrite::Open(opening(opened))).await.unwrap();
    assert!(!replay.created);
    let (late, _) = house.opened(second).await;
    assert_eq!(house.store.owner(house.app, late).await.unwrap(), Some(first.person));
    let announced = Announced { name: "a.txt".into(), media_type: "text/plain".into(), size: 3, sha256: [1; 32] };
    let (file, at) = (AttachmentId::mint(UnixMillis(2), house.random()), house.now());
    let (uploader, most) = (Uploader::Person(second.person), Waiting { files: 0, bytes: 0 });
    let create = AttachmentCommand::Create { app: house.app, id: file, uploader, announced, most, at };
    house.store.apply(Command::Attachment(create)).await.unwrap();
    let row = house.store.attachment(house.app, file).await.unwrap().unwrap();
    assert_eq!(row.uploader, Uploader::Person(first.person));
    // And so do questions.
    let alias = Reader::Person(second.person);
    assert!(house.store.conversation(house.app, alias, id).await.unwrap().is_some());
    assert_eq!(house.store.history(house.app, alias, id, None, 10).await.unwrap().unwrap().messages.len(), 2);
    assert!(house.store.readable_attachment(house.app, alias, file).await.unwrap().is_some());
    let whole = |page: beistand_protocol::SyncPage| (page.changes.len(), page.epoch);
    let [alias, user] = [second.person, first.person].map(Stream::Person);
    assert_eq!(whole(house.page(alias, None, 200, None).await), whole(house.page(user, None, 200, None).await));
}

pub(super) async fn a_merge_is_another_history_for_every_device(mut house: House) {
    let (first, second) = (house.phone().await, house.phone().await);
    house.log_in(first, login("u", None)).await.unwrap();
    for _ in 0..5 {
        house.opened(second).await;
    }
    let [user, alias] = [first.person, second.person].map(Stream::Person);
    let cursors = [house.page(user, None, 200, None).await.cursor, house.page(alias, None, 200, None).await.cursor];
    let (epoch, old_epoch) = (house.epoch(first.person).await, house.epoch(second.person).await);
    let ears = [house.bus.subscribe(house.app, user), house.bus.subscribe(house.app, alias)];
    let merged = house.log_in(second, login("u", None)).await.unwrap();
    assert!(merged.epoch != epoch && merged.epoch != old_epoch);
    assert_eq!(house.epoch(first.person).await, merged.epoch);
    let (seq, _) = house.store.newest(house.app, user).await.unwrap();
    assert_eq!([ears[0].take(), ears[1].take()], [Some(Delivery::Seq(seq)), Some(Delivery::Farewell(None))]);
    for cursor in cursors {
        let page = house.page(user, Some(cursor), 200, Some(second.device)).await;
        assert!(page.snapshot.unwrap().first && page.snapshot.unwrap().last);
        assert_eq!((page.changes.len(), page.lanes.len(), page.has_more), (10, 5, false));
    }
    // After the snapshot the log goes on, with nothing twice.
    let page = house.page(user, None, 200, None).await;
    let (id, _) = house.opened(second).await;
    let after = house.page(user, Some(page.cursor), 200, None).await;
    assert!(after.snapshot.is_none() && after.changes.iter().all(|change| change.conversation_id == id));
    // A write that believes in the old history has no effect.
    let text = MessageId::mint(UnixMillis(2), house.random());
    let Command::Person(mut command) = house.command(second, id, 2, 2, PersonWrite::Send(text, saying("a"))) else {
        panic!()
    };
    command.epoch = Some(old_epoch);
    assert_eq!(refused(house.store.apply(Command::Person(command)).await), Code::EpochChanged);
}

pub(super) async fn a_device_that_has_left_is_not_woken_and_not_logged_in(mut house: House) {
    let (phone, other) = (house.phone().await, house.phone().await);
    for phone in [phone, other] {
        house.log_in(phone, login("u", None)).await.unwrap();
    }
    let user = phone.person;
    let ears = house.bus.subscribe(house.app, Stream::Person(user));
    let (app, device) = (house.app, phone.device);
    let token = PushToken { service: "fcm".into(), token: "t".into() };
    let at = house.now();
    let set = || Command::Push(PushCommand::Set { app, device, token: token.clone(), at });
    house.store.apply(set()).await.unwrap();
    assert_eq!(house.store.push_targets(app, user).await.unwrap().devices.len(), 1);
    for _ in 0..2 {
        house.identity(IdentityCommand::SignOff { app, device, at }).await.unwrap();
    }
    assert_eq!(ears.take(), Some(Delivery::Farewell(Some(device))));
    // One that was on its way.
    house.store.apply(set()).await.unwrap();
    assert!(house.store.push_targets(app, user).await.unwrap().devices.is_empty());
    assert!(house.store.device(app, device).await.unwrap().unwrap().signed_off);
    assert!(!house.store.device(app, other.device).await.unwrap().unwrap().signed_off);
    assert_eq!(house.log_in(phone, login("u", None)).await.unwrap_err().code(), Some(Code::Unauthorized));
    let unknown = IdentityCommand::SignOff { app, device: beistand_protocol::DeviceId::mint(at, [99; 10]), at };
    assert_eq!(refused(house.identity(unknown).await), Code::UnknownDevice);
}

pub(super) async fn an_app_has_two_active_keys_and_no_name_twice(mut house: House) {
    let (app, at) = (house.app, house.now());
    let secret = |byte: u8| KeyMaterial::from_secret(&[byte; 32]).unwrap();
    let add = |kid: &str, byte: u8| IdentityCommand::AddKey { app, kid: kid.into(), material: secret(byte), at };
    let revoke = |kid: &str| IdentityCommand::RevokeKey { app, kid: kid.into(), at };
    house.identity(add("a", b'1')).await.unwrap();
    house.identity(add("b", b'2')).await.unwrap();
    assert_eq!(refused(house.identity(add("a", b'3')).await), Code::IdReused);
    assert_eq!(refused(house.identity(add("c", b'3')).await), Code::IdReused);
    assert_eq!(house.store.identity_key(app, "a").await.unwrap(), Some(secret(b'1')));
    for _ in 0..2 {
        house.identity(revoke("a")).await.unwrap();
    }
    assert_eq!(house.store.identity_key(app, "a").await.unwrap(), None);
    assert_eq!(refused(house.identity(add("a", b'1')).await), Code::IdReused);
    house.identity(add("c", b'3')).await.unwrap();
    assert_eq!(refused(house.identity(revoke("z")).await), Code::NotFound);
    let listed: Vec<_> = house.store.identity_keys(app).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|key| (key.kid.as_str(), key.revoked_at.is_some())).collect();
    assert_eq!(listed, [("a", true), ("b", false), ("c", false)]);
    let added = house.store.apply(Command::AddApp { name: "other".into(), key: "other".into(), at }).await.unwrap();
    let Outcome::App(other) = added.outcome else { panic!() };
    assert_eq!(house.store.identity_key(other.id, "b").await.unwrap(), None);
    assert!(house.store.identity_keys(other.id).await.unwrap().is_empty());
}
