//! What every store must do with the rows of files.

use beistand_protocol::{
    AttachmentId, AttachmentState, ChangeBody, Code, KnownChange, MessageId, SendMessage, UnixMillis, Visibility,
    agent::AgentMessage, limits::UPLOAD_EXPIRES_MS,
};

use super::{House, refused};
use crate::{
    desk::digest,
    store::{
        Announced, AppId, Applied, AttachmentCommand, Command, Outcome, Reader, Stage, StoreError, Stream, Uploader,
        Waiting,
        command::{AgentWrite, PersonWrite},
    },
};

impl House {
    async fn files(&self, command: AttachmentCommand) -> Result<Applied, StoreError> {
        self.store.apply(Command::Attachment(command)).await
    }

    /// Announces a file whose hash is so many times the same number.
    async fn announced(&mut self, uploader: Uploader, id: AttachmentId, hash: u8) -> Result<Applied, StoreError> {
        let announced =
            Announced { name: "a.txt".into(), media_type: "text/plain".into(), size: 3, sha256: [hash; 32] };
        let most = Waiting { files: 0, bytes: 0 };
        let at = self.now();
        self.files(AttachmentCommand::Create { app: self.app, id, uploader, announced, most, at }).await
    }

    async fn completed(&mut self, id: AttachmentId, scan: bool) {
        let at = self.now();
        let command = AttachmentCommand::Complete { app: self.app, id, dimensions: None, thumbnail: None, scan, at };
        self.files(command).await.unwrap();
    }
}

fn with_files(files: &[AttachmentId]) -> SendMessage {
    SendMessage { text: String::new(), attachments: files.to_vec(), sent_at: None }
}

pub(super) async fn a_file_is_announced_once_and_taken_by_one_message(mut house: House) {
    let (jana, tom) = (house.phone().await, house.phone().await);
    let (hers, his) = (Uploader::Person(jana.person), Uploader::Person(tom.person));
    let file = AttachmentId::mint(UnixMillis(1), [7; 10]);
    assert!(house.announced(hers, file, 1).await.unwrap().created);
    assert!(!house.announced(hers, file, 1).await.unwrap().created);
    assert_eq!(refused(house.announced(hers, file, 2).await), Code::IdReused);
    assert_eq!(refused(house.announced(his, file, 1).await), Code::NotFound);
    assert_eq!(refused(house.announced(Uploader::Agents, file, 1).await), Code::NotFound);
    let (id, _) = house.opened(jana).await;
    let message = MessageId::mint(UnixMillis(2), [8; 10]);
    let send = PersonWrite::Send(message, with_files(&[file]));
    assert_eq!(refused(house.write(jana, id, 2, send.clone()).await), Code::UnknownAttachment);
    house.completed(file, false).await;
    let (toms, _) = house.opened(tom).await;
    let other = PersonWrite::Send(MessageId::mint(UnixMillis(2), [9; 10]), with_files(&[file]));
    assert_eq!(refused(house.write(tom, toms, 2, other.clone()).await), Code::UnknownAttachment);
    let twice = PersonWrite::Send(MessageId::mint(UnixMillis(2), [10; 10]), with_files(&[file, file]));
    assert_eq!(refused(house.write(jana, id, 3, twice).await), Code::UnknownAttachment);
    let Outcome::Message(sent) = house.write(jana, id, 4, send.clone()).await.unwrap().outcome else { panic!() };
    assert_eq!(sent.content.attachments()[0].id, file);
    // Under another operation it is the same message; another message finds the file taken.
    assert!(!house.write(jana, id, 5, send).await.unwrap().created);
    assert_eq!(refused(house.write(jana, id, 6, other).await), Code::UnknownAttachment);
    assert_eq!(
        refused(house.files(AttachmentCommand::GiveUp { app: house.app, id: file, at: UnixMillis(1) }).await),
        Code::Forbidden
    );
}

pub(super) async fn a_reader_sees_the_files_of_its_messages(mut house: House) {
    let (jana, tom) = (house.phone().await, house.phone().await);
    let (id, _) = house.opened(jana).await;
    let note = AttachmentId::mint(UnixMillis(1), [7; 10]);
    let answer = AttachmentId::mint(UnixMillis(1), [8; 10]);
    let own = AttachmentId::mint(UnixMillis(1), [9; 10]);
    for (file, uploader) in [(note, Uploader::Agents), (answer, Uploader::Agents), (own, Uploader::Person(jana.person))]
    {
        house.announced(uploader, file, 1).await.unwrap();
        house.completed(file, false).await;
    }
    for (number, file, visibility) in [(50, note, Visibility::Agents), (51, answer, Visibility::All)] {
        let message = MessageId::mint(UnixMillis(3), [number; 10]);
        let body = AgentMessage { text: String::new(), attachments: vec![file], visibility };
        let digest = digest::agent_message(id, message, &body);
        house.agent(id, AgentWrite::Send { id: message, body, digest, check: Ok(()) }).await.unwrap();
    }
    let readers = [Reader::Person(jana.person), Reader::Person(tom.person), Reader::Agent];
    for (file, seen) in [(note, [false, false, true]), (answer, [true, false, true]), (own, [true, false, false])] {
        for (reader, seen) in readers.into_iter().zip(seen) {
            let found = house.store.readable_attachment(house.app, reader, file).await.unwrap();
            assert_eq!(found.is_some(), seen, "{file} {reader:?}");
        }
    }
    assert!(house.store.readable_attachment(AppId(99), Reader::Agent, answer).await.unwrap().is_none());
}

pub(super) async fn a_scan_is_told_by_the_messages_next_version(mut house: House) {
    let phone = house.phone().await;
    let stream = Stream::Person(phone.person);
    let (id, _) = house.opened(phone).await;
    for (number, found, state) in [(1, false, AttachmentState::Ready), (2, true, AttachmentState::Blocked)] {
        let file = AttachmentId::mint(UnixMillis(1), [number; 10]);
        house.announced(Uploader::Person(phone.person), file, number).await.unwrap();
        house.completed(file, true).await;
        assert_eq!(house.store.files_to_scan(10).await.unwrap(), [[number; 32]]);
        let message = MessageId::mint(UnixMillis(2), [number; 10]);
        house.write(phone, id, number + 1, PersonWrite::Send(message, with_files(&[file]))).await.unwrap();
        let cursor = house.page(stream, None, 200, None).await.cursor;
        let at = house.now();
        house.files(AttachmentCommand::Scanned { sha256: [number; 32], found, at }).await.unwrap();
        let page = house.page(stream, Some(cursor), 200, None).await;
        let [change] = page.changes.as_slice() else { panic!("{page:?}") };
        assert!(matches!(&change.body, ChangeBody::Known(KnownChange::Message { message })
            if message.version == 2 && message.content.attachments()[0].state == state));
        assert!(house.store.files_to_scan(10).await.unwrap().is_empty());
        assert_eq!(house.store.is_kept([number; 32]).await.unwrap(), !found);
    }
}

pub(super) async fn files_that_nobody_has_are_loose(mut house: House) {
    let phone = house.phone().await;
    let (id, _) = house.opened(phone).await;
    let files = [1, 2].map(|number| AttachmentId::mint(UnixMillis(1), [number; 10]));
    for (file, number) in files.into_iter().zip([1, 2]) {
        // Both have the same bytes.
        house.announced(Uploader::Person(phone.person), file, 5).await.unwrap();
        house.completed(file, false).await;
        let message = MessageId::mint(UnixMillis(2), [number; 10]);
        house.write(phone, id, number + 1, PersonWrite::Send(message, with_files(&[file]))).await.unwrap();
    }
    for (number, loose) in [(1, vec![]), (2, vec![[5; 32]])] {
        let message = MessageId::mint(UnixMillis(2), [number; 10]);
        house.write(phone, id, number + 10, PersonWrite::Retract(message)).await.unwrap();
        assert_eq!(house.store.loose_files(10).await.unwrap(), loose);
    }
    house.files(AttachmentCommand::Removed { files: vec![[5; 32]] }).await.unwrap();
    assert!(house.store.loose_files(10).await.unwrap().is_empty());
}

pub(super) async fn what_waits_too_long_expires_in_two_steps(mut house: House) {
    let phone = house.phone().await;
    let file = AttachmentId::mint(UnixMillis(1), [1; 10]);
    house.announced(Uploader::Person(phone.person), file, 5).await.unwrap();
    house.completed(file, false).await;
    let row = house.store.attachment(house.app, file).await.unwrap().unwrap();
    let expired = row.expires_at;
    assert!(!house.store.has_expired(expired.plus(-1)).await.unwrap());
    assert!(house.store.has_expired(expired).await.unwrap());
    house.files(AttachmentCommand::Expire { at: expired }).await.unwrap();
    assert_eq!(house.store.attachment(house.app, file).await.unwrap().unwrap().stage, Stage::Gone);
    assert_eq!(house.store.loose_files(10).await.unwrap(), [[5; 32]]);
    house.files(AttachmentCommand::Expire { at: expired.plus(UPLOAD_EXPIRES_MS) }).await.unwrap();
    assert!(house.store.attachment(house.app, file).await.unwrap().is_none());
}
