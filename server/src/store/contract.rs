//! What every store must do, written against the trait alone. A new store adds itself to `stores` and must pass.

mod faq;
mod files;
mod identity;

use std::sync::Arc;

use beistand_protocol::{
    AgentId, ChangeBody, Code, ConversationId, DeviceId, EditMessage, Epoch, KnownChange, Lane, Message, MessageId,
    OpenConversation, OperationId, PersonId, Priority, ReadMarks, SendMessage, Status, UnixMillis, Visibility,
    agent::{Agent, AgentMessage, Role},
    message::FirstMessage,
};

use super::{
    ActingAgent, AppId, Applied, Command, Execution, Operation, Outcome, Reader, Store, StoreError, StoreOptions,
    Stream, SyncQuery,
    command::{AgentCommand, AgentWrite, PersonCommand, PersonWrite, RegisterDevice},
    sqlite::SqliteStore,
};
use crate::{
    bus::{Bus as _, Delivery, in_process::InProcessBus},
    clock::SystemClock,
    desk::digest,
    metrics::Metrics,
};

use faq::*;
use files::*;
use identity::*;

struct House {
    store: Box<dyn Store>,
    bus: Arc<InProcessBus>,
    app: AppId,
    agent: Agent,
    minted: u8,
    time: i64,
    _folder: tempfile::TempDir,
}

#[derive(Clone, Copy)]
struct Phone {
    person: PersonId,
    device: DeviceId,
}

async fn house(execution: Execution) -> House {
    let folder = tempfile::tempdir().unwrap();
    let bus = Arc::new(InProcessBus::default());
    let options = StoreOptions { path: folder.path().join("contract.db"), vfs: None, execution };
    let metrics = Arc::new(Metrics::default());
    let store = SqliteStore::open(&options, 0, &SystemClock::default(), bus.clone(), metrics, true).unwrap();
    let at = UnixMillis(1_000);
    let app = store.apply(Command::AddApp { name: "shop".into(), key: "key".into(), at }).await.unwrap();
    let Outcome::App(app) = app.outcome else { panic!() };
    let agent = Agent { id: AgentId::mint(at, [9; 10]), name: "Deniz".into(), role: Role::Admin };
    let command = Command::AddAgent { app: app.id, agent: agent.clone(), password_hash: "x".into(), at };
    store.apply(command).await.unwrap();
    House { store: Box::new(store), bus, app: app.id, agent, minted: 0, time: 1_000, _folder: folder }
}

impl House {
    fn random(&mut self) -> [u8; 10] {
        self.minted += 1;
        [self.minted; 10]
    }

    fn now(&mut self) -> UnixMillis {
        self.time += 1;
        UnixMillis(self.time)
    }

    async fn phone(&mut self) -> Phone {
        let at = self.now();
        let (device, person) = (DeviceId::mint(at, self.random()), PersonId::mint(at, self.random()));
        let register = RegisterDevice {
            app: self.app,
            device,
            person,
            name: None,
            secret_hash: [1; 32],
            platform: None,
            locale: Some("de".into()),
            at,
        };
        self.store.apply(Command::RegisterDevice(register)).await.unwrap();
        Phone { person, device }
    }

    /// A write under an operation of the given number.
    fn command(
        &mut self,
        phone: Phone,
        conversation: ConversationId,
        operation: u8,
        lane_seq: u64,
        write: PersonWrite,
    ) -> Command {
        let digest = match &write {
            PersonWrite::Open(body) => digest::open(conversation, body),
            PersonWrite::Withdraw => digest::withdraw(conversation),
            PersonWrite::Send(id, body) => digest::send(conversation, *id, body),
            PersonWrite::Edit(id, body) => digest::edit(conversation, *id, body),
            PersonWrite::Retract(id) => digest::retract(conversation, *id),
            PersonWrite::SetStatus(status) => digest::status(conversation, *status),
            PersonWrite::Read(marks) => digest::read(conversation, *marks),
        };
        let lane = match write {
            PersonWrite::Read(_) => Lane::Read(conversation),
            _ => Lane::Conversation(conversation),
        };
        let mut random = [operation; 10];
        random.iter_mut().zip(conversation.as_bytes().iter().rev()).for_each(|(byte, other)| *byte ^= other);
        let id = OperationId::mint(UnixMillis(5), random);
        Command::Person(Box::new(PersonCommand {
            app: self.app,
            person: phone.person,
            operation: Operation { id, device: phone.device, lane, lane_seq },
            epoch: None,
            digest,
            check: Ok(()),
            at: self.now(),
            conversation,
            write,
        }))
    }

    async fn write(
        &mut self,
        phone: Phone,
        conversation: ConversationId,
        lane_seq: u8,
        write: PersonWrite,
    ) -> Result<Applied, StoreError> {
        let command = self.command(phone, conversation, lane_seq, u64::from(lane_seq), write);
        self.store.apply(command).await
    }

    async fn opened(&mut self, phone: Phone) -> (ConversationId, MessageId) {
        let at = self.now();
        let (id, message) = (ConversationId::mint(at, self.random()), MessageId::mint(at, self.random()));
        self.write(phone, id, 1, PersonWrite::Open(opening(message))).await.unwrap();
        (id, message)
    }

    async fn agent(&mut self, conversation: ConversationId, write: AgentWrite) -> Result<Applied, StoreError> {
        let agent = ActingAgent { id: self.agent.id, name: self.agent.name.clone() };
        let command = AgentCommand { app: self.app, agent, at: self.now(), conversation, write };
        self.store.apply(Command::Agent(Box::new(command))).await
    }

    async fn answer(&mut self, conversation: ConversationId, text: &str, visibility: Visibility) -> MessageId {
        let id = MessageId::mint(UnixMillis(3), self.random());
        let body = AgentMessage { text: text.into(), attachments: Vec::new(), visibility };
        let digest = digest::agent_message(conversation, id, &body);
        self.agent(conversation, AgentWrite::Send { id, body, digest, check: Ok(()) }).await.unwrap();
        id
    }

    async fn page(
        &self,
        stream: Stream,
        cursor: Option<String>,
        limit: u32,
        device: Option<DeviceId>,
    ) -> beistand_protocol::SyncPage {
        self.store.sync(self.app, stream, SyncQuery { cursor, limit, device }).await.unwrap()
    }
}

fn opening(message: MessageId) -> OpenConversation {
    OpenConversation {
        subject: "Naht".into(),
        category: None,
        priority: Priority::High,
        fields: Default::default(),
        message: FirstMessage { id: message, text: "Hallo".into(), attachments: Vec::new(), sent_at: None },
    }
}

fn saying(text: &str) -> SendMessage {
    SendMessage { text: text.into(), attachments: Vec::new(), sent_at: None }
}

fn message(applied: Applied) -> Message {
    match applied.outcome {
        Outcome::Message(message) => *message,
        other => panic!("{other:?}"),
    }
}

fn refused(result: Result<Applied, StoreError>) -> Code {
    result.unwrap_err().code().unwrap()
}

/// Each rule is a test for each store.
macro_rules! rules {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name {
                use super::*;

                #[tokio::test]
                async fn threaded() {
                    super::$name(house(Execution::Thread).await).await;
                }

                #[tokio::test]
                async fn inline() {
                    super::$name(house(Execution::Inline).await).await;
                }
            }
        )*
    };
}

rules!(
    what_was_answered_is_stored_and_hinted_at,
    a_refused_command_does_not_undo_its_neighbours,
    a_known_operation_is_answered_with_todays_resource,
    a_passed_lane_place_has_no_effect,
    the_same_id_with_other_content_is_refused,
    what_was_taken_back_unseen_stays_away,
    a_note_is_in_no_persons_answer,
    marks_grow_and_stop_at_what_the_person_may_see,
    another_persons_conversation_does_not_exist,
    another_app_has_ids_of_its_own,
    a_resource_stands_in_the_log_once,
    a_snapshot_is_paged_and_ends_where_it_began,
    history_is_paged_backwards,
    another_epoch_is_refused_first,
    a_file_is_announced_once_and_taken_by_one_message,
    a_reader_sees_the_files_of_its_messages,
    a_scan_is_told_by_the_messages_next_version,
    files_that_nobody_has_are_loose,
    what_waits_too_long_expires_in_two_steps,
    drafts_become_what_phones_get_only_by_a_publication,
    publications_of_an_app_have_numbers_that_only_grow,
    a_delta_holds_what_differs_from_any_known_publication,
    collections_and_the_default_language_are_published_too,
    an_app_keeps_its_first_key_and_its_pictures,
    a_login_makes_a_person_the_user_or_an_alias_of_one,
    whatever_still_names_an_alias_lands_at_the_user,
    a_merge_is_another_history_for_every_device,
    a_device_that_has_left_is_not_woken_and_not_logged_in,
    an_app_has_two_active_keys_and_no_name_twice,
    a_closed_store_says_so,
);

async fn what_was_answered_is_stored_and_hinted_at(mut house: House) {
    let phone = house.phone().await;
    let ears = house.bus.subscribe(house.app, Stream::Person(phone.person));
    let (id, first) = house.opened(phone).await;
    let reader = Reader::Person(phone.person);
    let stored = house.store.conversation(house.app, reader, id).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.last_seq, stored.priority), (1, 1, Priority::High));
    assert_eq!(stored.person, None);
    assert_eq!(house.store.all_messages(house.app, id).await.unwrap()[0].id, first);
    assert_eq!(ears.take(), Some(Delivery::Seq(2)));
    let seen = house.store.conversation(house.app, Reader::Agent, id).await.unwrap().unwrap();
    assert_eq!(seen.person.unwrap().locale.as_deref(), Some("de"));
}

async fn a_refused_command_does_not_undo_its_neighbours(mut house: House) {
    let phone = house.phone().await;
    let (id, _) = house.opened(phone).await;
    let minted: Vec<_> = (0..3).map(|_| MessageId::mint(UnixMillis(2), house.random())).collect();
    let good = house.command(phone, id, 2, 2, PersonWrite::Send(minted[0], saying("eins")));
    let bad = house.command(phone, id, 3, 3, PersonWrite::SetStatus(Status::Solved));
    let also = house.command(phone, id, 4, 4, PersonWrite::Send(minted[2], saying("zwei")));
    let (good, bad, also) = tokio::join!(house.store.apply(good), house.store.apply(bad), house.store.apply(also));
    assert_eq!(message(good.unwrap()).seq, 2);
    assert_eq!(refused(bad), Code::StatusNotAllowed);
    assert_eq!(message(also.unwrap()).seq, 3);
    // The refused operation left no trace: its place in the lane is passed, and it is not known.
    assert_eq!(house.store.census().await.unwrap().operations, 3);
}

async fn a_known_operation_is_answered_with_todays_resource(mut house: House) {
    let phone = house.phone().await;
    let (id, first) = house.opened(phone).await;
    house.answer(id, "Guten Tag", Visibility::All).await;
    let replay = house.write(phone, id, 1, PersonWrite::Open(opening(first))).await.unwrap();
    assert!(!replay.created);
    let Outcome::Opened(opened) = replay.outcome else { panic!() };
    assert_eq!(opened.conversation.status, Status::Pending);
    assert_eq!(opened.conversation.assignee.unwrap().name, "Deniz");
    assert_eq!(opened.conversation.last_seq, 2);
}

async fn a_passed_lane_place_has_no_effect(mut house: House) {
    let phone = house.phone().await;
    let (id, first) = house.opened(phone).await;
    house.write(phone, id, 3, PersonWrite::SetStatus(Status::Open)).await.unwrap();
    let late = house.command(phone, id, 77, 2, PersonWrite::SetStatus(Status::Closed));
    assert_eq!(refused(house.store.apply(late).await), Code::OperationSuperseded);
    let stored = house.store.conversation(house.app, Reader::Agent, id).await.unwrap().unwrap();
    assert_eq!(stored.status, Status::Open);
    // What the late request wants is there already, made by exactly the same content: that is an answer.
    let late = house.command(phone, id, 78, 2, PersonWrite::Open(opening(first)));
    assert!(!house.store.apply(late).await.unwrap().created);
}

async fn the_same_id_with_other_content_is_refused(mut house: House) {
    let phone = house.phone().await;
    let (id, first) = house.opened(phone).await;
    let mut other = opening(first);
    other.subject = "Saum".into();
    assert_eq!(refused(house.write(phone, id, 2, PersonWrite::Open(other)).await), Code::IdReused);
    assert_eq!(refused(house.write(phone, id, 2, PersonWrite::Send(first, saying("anders"))).await), Code::IdReused);
    // Equal content under another operation: today's message, which an edit has changed since.
    let edit = EditMessage { text: "Hallo noch einmal".into() };
    house.write(phone, id, 2, PersonWrite::Edit(first, edit)).await.unwrap();
    let again = message(house.write(phone, id, 3, PersonWrite::Send(first, saying("Hallo"))).await.unwrap());
    assert_eq!((again.version, again.content.as_text()), (2, Some("Hallo noch einmal")));
    // The same operation id for another request.
    let reused = house.command(phone, id, 3, 9, PersonWrite::SetStatus(Status::Closed));
    assert_eq!(refused(house.store.apply(reused).await), Code::IdReused);
}

async fn what_was_taken_back_unseen_stays_away(mut house: House) {
    let phone = house.phone().await;
    let (id, _) = house.opened(phone).await;
    let gone = MessageId::mint(UnixMillis(2), house.random());
    let retraction = house.write(phone, id, 2, PersonWrite::Retract(gone)).await.unwrap();
    assert!(matches!(retraction.outcome, Outcome::Retraction(retraction) if retraction.message.is_none()));
    assert_eq!(
        refused(house.write(phone, id, 3, PersonWrite::Send(gone, saying("spät"))).await),
        Code::MessageRetracted
    );
    let never = ConversationId::mint(UnixMillis(2), house.random());
    house.write(phone, never, 5, PersonWrite::Withdraw).await.unwrap();
    let late = opening(MessageId::mint(UnixMillis(2), house.random()));
    let command = house.command(phone, never, 50, 1, PersonWrite::Open(late.clone()));
    assert_eq!(refused(house.store.apply(command).await), Code::OperationSuperseded);
    assert_eq!(refused(house.write(phone, never, 6, PersonWrite::Open(late)).await), Code::MessageRetracted);
    let census = house.store.census().await.unwrap();
    assert_eq!((census.conversations, census.messages), (1, 1));
}

async fn a_note_is_in_no_persons_answer(mut house: House) {
    let phone = house.phone().await;
    let (id, _) = house.opened(phone).await;
    let stream = Stream::Person(phone.person);
    let cursor = house.page(stream, None, 200, None).await.cursor;
    let note = house.answer(id, "geheim", Visibility::Agents).await;
    let holds = |page: &beistand_protocol::SyncPage| serde_json::to_string(page).unwrap().contains("geheim");
    for cursor in [None, Some(cursor)] {
        assert!(!holds(&house.page(stream, cursor, 200, None).await));
    }
    assert!(holds(&house.page(Stream::Agents, None, 200, None).await));
    let reader = Reader::Person(phone.person);
    let history = house.store.history(house.app, reader, id, None, 100).await.unwrap().unwrap();
    assert!(history.messages.iter().all(|message| message.id != note));
    assert_eq!(house.store.history(house.app, Reader::Agent, id, None, 100).await.unwrap().unwrap().messages.len(), 2);
    // A note is nobody's turn and takes nothing.
    let seen = house.store.conversation(house.app, Reader::Agent, id).await.unwrap().unwrap();
    assert_eq!((seen.status, seen.assignee, seen.last_seq), (Status::Open, None, 2));
    let own = house.store.conversation(house.app, reader, id).await.unwrap().unwrap();
    assert_eq!(own.last_seq, 1);
    let edit = EditMessage { text: "meins".into() };
    assert_eq!(refused(house.write(phone, id, 2, PersonWrite::Edit(note, edit)).await), Code::NotFound);
    assert_eq!(refused(house.write(phone, id, 2, PersonWrite::Retract(note)).await), Code::NotFound);
}

async fn marks_grow_and_stop_at_what_the_person_may_see(mut house: House) {
    let phone = house.phone().await;
    let (id, _) = house.opened(phone).await;
    house.answer(id, "Notiz", Visibility::Agents).await;
    let far = PersonWrite::Read(ReadMarks { delivered_seq: 0, read_seq: 99 });
    // The operation with number 1 was the opening; the lane of read marks counts for itself.
    let command = house.command(phone, id, 2, 1, far);
    let Outcome::Receipts(receipts) = house.store.apply(command).await.unwrap().outcome else { panic!() };
    assert_eq!(receipts.person, ReadMarks { delivered_seq: 1, read_seq: 1 });
}

async fn another_persons_conversation_does_not_exist(mut house: House) {
    let (jana, tom) = (house.phone().await, house.phone().await);
    let (id, first) = house.opened(jana).await;
    let reader = Reader::Person(tom.person);
    assert_eq!(house.store.conversation(house.app, reader, id).await.unwrap(), None);
    assert_eq!(house.store.history(house.app, reader, id, None, 10).await.unwrap(), None);
    let own = house.opened(tom).await.0;
    for (conversation, write) in [
        (id, PersonWrite::Open(opening(first))),
        (id, PersonWrite::Withdraw),
        (id, PersonWrite::Send(MessageId::mint(UnixMillis(2), [200; 10]), saying("x"))),
        (id, PersonWrite::Edit(first, EditMessage { text: "x".into() })),
        (id, PersonWrite::Retract(first)),
        (id, PersonWrite::SetStatus(Status::Closed)),
        (id, PersonWrite::Read(ReadMarks::default())),
        (own, PersonWrite::Send(first, saying("Hallo"))),
        (own, PersonWrite::Edit(first, EditMessage { text: "x".into() })),
    ] {
        assert_eq!(refused(house.write(tom, conversation, 9, write.clone()).await), Code::NotFound, "{write:?}");
    }
}

async fn another_app_has_ids_of_its_own(mut house: House) {
    let phone = house.phone().await;
    let (id, _) = house.opened(phone).await;
    let at = house.now();
    let other = house.store.apply(Command::AddApp { name: "other".into(), key: "other".into(), at }).await.unwrap();
    let Outcome::App(other) = other.outcome else { panic!() };
    assert_eq!(house.store.conversation(other.id, Reader::Agent, id).await.unwrap(), None);
    assert!(house.store.device(other.id, phone.device).await.unwrap().is_none());
    let query = SyncQuery { cursor: None, limit: 10, device: None };
    assert!(house.store.sync(other.id, Stream::Agents, query).await.unwrap().changes.is_empty());
    house.app = other.id;
    assert_eq!(refused(house.agent(id, AgentWrite::SetStatus(Status::Solved)).await), Code::NotFound);
}

async fn a_resource_stands_in_the_log_once(mut house: House) {
    let phone = house.phone().await;
    let stream = Stream::Person(phone.person);
    let cursor = house.page(stream, None, 200, None).await.cursor;
    let (id, first) = house.opened(phone).await;
    for lane_seq in 2..20 {
        let status = if lane_seq % 2 == 0 { Status::Closed } else { Status::Open };
        house.write(phone, id, lane_seq, PersonWrite::SetStatus(status)).await.unwrap();
    }
    let page = house.page(stream, Some(cursor), 200, None).await;
    assert_eq!(page.changes.len(), 2);
    assert!(page.changes.is_sorted_by_key(|change| change.seq));
    assert!(matches!(&page.changes[0].body,
        ChangeBody::Known(KnownChange::Message { message }) if message.id == first));
    assert!(matches!(&page.changes[1].body,
        ChangeBody::Known(KnownChange::Conversation { conversation }) if conversation.version == 19));
    assert!(house.page(stream, Some(page.cursor), 200, None).await.changes.is_empty());
}

async fn a_snapshot_is_paged_and_ends_where_it_began(mut house: House) {
    let phone = house.phone().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(house.opened(phone).await.0);
    }
    house.write(phone, ids[0], 2, PersonWrite::Withdraw).await.unwrap();
    let stream = Stream::Person(phone.person);
    let mut page = house.page(stream, None, 3, Some(phone.device)).await;
    assert!(page.snapshot.unwrap().first && !page.snapshot.unwrap().last && page.has_more);
    assert_eq!(page.lanes.len(), 5);
    // What changes meanwhile comes through the log afterwards.
    house.answer(ids[1], "Guten Tag", Visibility::All).await;
    let mut seen = page.changes.clone();
    while !page.snapshot.unwrap().last {
        page = house.page(stream, Some(page.cursor), 3, Some(phone.device)).await;
        assert!(!page.snapshot.unwrap().first && page.lanes.is_empty());
        seen.extend(page.changes.clone());
    }
    assert_eq!(seen.iter().map(|change| change.conversation_id).collect::<std::collections::BTreeSet<_>>().len(), 4);
    assert!(page.has_more);
    let after = house.page(stream, Some(page.cursor), 200, None).await;
    assert!(after.snapshot.is_none());
    assert_eq!(after.changes.len(), 2);
}

async fn history_is_paged_backwards(mut house: House) {
    let phone = house.phone().await;
    let (id, _) = house.opened(phone).await;
    for lane_seq in 2..=7 {
        let message = MessageId::mint(UnixMillis(2), house.random());
        house.write(phone, id, lane_seq, PersonWrite::Send(message, saying("noch eine"))).await.unwrap();
    }
    let reader = Reader::Person(phone.person);
    let newest = house.store.history(house.app, reader, id, None, 3).await.unwrap().unwrap();
    assert_eq!(newest.messages.iter().map(|message| message.seq).collect::<Vec<_>>(), [5, 6, 7]);
    assert!(newest.has_more);
    let oldest = house.store.history(house.app, reader, id, Some(3), 3).await.unwrap().unwrap();
    assert_eq!(oldest.messages.iter().map(|message| message.seq).collect::<Vec<_>>(), [1, 2]);
    assert!(!oldest.has_more);
}

async fn another_epoch_is_refused_first(mut house: House) {
    let phone = house.phone().await;
    let (id, first) = house.opened(phone).await;
    let epoch = house.page(Stream::Person(phone.person), None, 10, None).await.epoch;
    for (epoch, expected) in [(epoch, None), (Epoch("another.0".into()), Some(Code::EpochChanged))] {
        let Command::Person(mut command) = house.command(phone, id, 1, 1, PersonWrite::Open(opening(first))) else {
            panic!()
        };
        command.epoch = Some(epoch);
        let answer = house.store.apply(Command::Person(command)).await;
        assert_eq!(answer.err().and_then(|error| error.code()), expected);
    }
}

async fn a_closed_store_says_so(house: House) {
    house.store.close().await;
    assert!(matches!(house.store.ping().await, Err(StoreError::Closed)));
    let command = Command::AddApp { name: "a".into(), key: "b".into(), at: UnixMillis(1) };
    assert!(matches!(house.store.apply(command).await, Err(StoreError::Closed)));
    house.store.close().await;
}
