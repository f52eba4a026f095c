//! By what the same request is known again: SHA-256 over the named client fields in a fixed order, each with its length
//! before it. The order of JSON members, white space and members that this version does not know play no part, so a
//! replay from an updated app stays a replay.

use beistand_protocol::{
    AttachmentId, ConversationId, EditMessage, FaqReportId, FieldValue, MessageId, OpenConversation, ReadMarks,
    SendMessage, Status, UnixMillis, Visibility,
    agent::AgentMessage,
    faq::{ArticleFeedback, ArticleId, FaqReport},
};
use sha2::{Digest as _, Sha256};

/// A digest of named fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Digest(pub [u8; 32]);

struct Encoder(Sha256);

impl Encoder {
    fn new(kind: &str) -> Self {
        Self(Sha256::new()).bytes(kind.as_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn optional(self, value: Option<&[u8]>) -> Self {
        match value {
            Some(bytes) => self.number(1).bytes(bytes),
            None => self.number(0),
        }
    }

    fn time(self, time: Option<UnixMillis>) -> Self {
        self.optional(time.map(|time| time.0.to_be_bytes()).as_ref().map(|bytes| bytes.as_slice()))
    }

    /// Nothing at all if there are none: a message without files keeps the digest it had before there were files.
    fn files(self, files: &[AttachmentId]) -> Self {
        if files.is_empty() {
            return self;
        }
        let named = self.text("attachments").number(files.len() as u64);
        files.iter().fold(named, |encoder, id| encoder.bytes(id.as_bytes()))
    }

    fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// The digest of an opening.
pub fn open(id: ConversationId, open: &OpenConversation) -> Digest {
    let mut encoder = Encoder::new("open/1")
        .bytes(id.as_bytes())
        .text(&open.subject)
        .optional(open.category.as_deref().map(str::as_bytes))
        .number(open.priority as u64)
        .number(open.fields.len() as u64);
    for (key, value) in &open.fields {
        encoder = encoder.text(key);
        encoder = match value {
            FieldValue::Bool(value) => encoder.text("bool").number(u64::from(*value)),
            // Adding zero makes -0.0 into 0.0: both are the same number in JSON.
            FieldValue::Number(value) => encoder.text("number").number((value + 0.0).to_bits()),
            FieldValue::Text(value) => encoder.text("text").text(value),
        };
    }
    encoder
        .bytes(open.message.id.as_bytes())
        .text(&open.message.text)
        .time(open.message.sent_at)
        .files(&open.message.attachments)
        .finish()
}

/// The digest of a message of a person.
pub fn send(conversation: ConversationId, id: MessageId, message: &SendMessage) -> Digest {
    Encoder::new("send/1")
        .bytes(conversation.as_bytes())
        .bytes(id.as_bytes())
        .text(&message.text)
        .time(message.sent_at)
        .files(&message.attachments)
        .finish()
}

/// The digest of an edit.
pub fn edit(conversation: ConversationId, id: MessageId, edit: &EditMessage) -> Digest {
    Encoder::new("edit/1").bytes(conversation.as_bytes()).bytes(id.as_bytes()).text(&edit.text).finish()
}

/// The digest of a retraction.
pub fn retract(conversation: ConversationId, id: MessageId) -> Digest {
    Encoder::new("retract/1").bytes(conversation.as_bytes()).bytes(id.as_bytes()).finish()
}

/// The digest of a withdrawal.
pub fn withdraw(conversation: ConversationId) -> Digest {
    Encoder::new("withdraw/1").bytes(conversation.as_bytes()).finish()
}

/// The digest of a status change.
pub fn status(conversation: ConversationId, status: Status) -> Digest {
    Encoder::new("status/1").bytes(conversation.as_bytes()).number(status as u64).finish()
}

/// The digest of read marks.
pub fn read(conversation: ConversationId, marks: ReadMarks) -> Digest {
    Encoder::new("read/1").bytes(conversation.as_bytes()).number(marks.delivered_seq).number(marks.read_seq).finish()
}

/// The digest of a rating.
pub fn feedback(article: &ArticleId, feedback: &ArticleFeedback) -> Digest {
    Encoder::new("feedback/1")
        .text(article.as_str())
        .text(feedback.locale.as_str())
        .number(feedback.version)
        .number(u64::from(feedback.helpful))
        .optional(feedback.comment.as_deref().map(str::as_bytes))
        .finish()
}

/// The digest of a report of what was counted.
pub fn report(id: FaqReportId, report: &FaqReport) -> Digest {
    let views = Encoder::new("report/1").bytes(id.as_bytes()).number(report.views.len() as u64);
    let searches = report
        .views
        .iter()
        .fold(views, |encoder, views| {
            encoder.text(views.article.as_str()).text(views.locale.as_str()).number(u64::from(views.count))
        })
        .number(report.searches.len() as u64);
    report
        .searches
        .iter()
        .fold(searches, |encoder, search| {
            encoder.text(search.locale.as_str()).text(&search.query).number(u64::from(search.count))
        })
        .finish()
}

/// The digest of an agent's message.
pub fn agent_message(conversation: ConversationId, id: MessageId, message: &AgentMessage) -> Digest {
    Encoder::new("agent/1")
        .bytes(conversation.as_bytes())
        .bytes(id.as_bytes())
        .text(&message.text)
        .number(u64::from(message.visibility == Visibility::Agents))
        .files(&message.attachments)
        .finish()
}

/// SHA-256 of a secret: what is kept of tokens, keys and device secrets.
pub fn secret(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> OpenConversation {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn order_white_space_and_unknown_members_do_not_matter() {
        let id = ConversationId::mint(UnixMillis(1), [1; 10]);
        let one = body(
            r#"{"subject":"s","fields":{"a":1,"b":true},"message":{"id":"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f","text":"t"}}"#,
        );
        let two = body(
            r#"{ "message": {"text":"t","mood":"good","id":"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f"},
                 "fields":{"b":true,"a":1.0}, "priority":"normal", "new":[1], "subject":"s"}"#,
        );
        assert_eq!(open(id, &one), open(id, &two));
    }

    #[test]
    fn every_named_field_matters() {
        let id = ConversationId::mint(UnixMillis(1), [1; 10]);
        let base = r#"{"subject":"s","message":{"id":"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f","text":"t"}}"#;
        let others = [
            base.replace("\"s\"", "\"S\""),
            base.replace("\"t\"", "\"T\""),
            base.replace("5e6f", "5e60"),
            base.replace("{\"subject\"", "{\"category\":\"c\",\"subject\""),
            base.replace("{\"subject\"", "{\"priority\":\"high\",\"subject\""),
            base.replace("{\"subject\"", "{\"fields\":{\"a\":\"1\"},\"subject\""),
            base.replace("\"t\"", "\"t\",\"sent_at\":\"2026-01-01T00:00:00Z\""),
            base.replace("\"t\"", "\"t\",\"attachments\":[\"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f\"]"),
        ];
        for other in others {
            assert_ne!(open(id, &body(base)), open(id, &body(&other)), "{other}");
        }
    }

    /// What phones have frozen before there were files has to stay the same request.
    #[test]
    fn a_message_without_files_keeps_its_digest() {
        let (conversation, id) =
            (ConversationId::mint(UnixMillis(1), [1; 10]), MessageId::mint(UnixMillis(2), [2; 10]));
        let message = SendMessage { text: "t".into(), attachments: Vec::new(), sent_at: None };
        let mut plain = Sha256::new();
        for part in [b"send/1".as_slice(), conversation.as_bytes(), id.as_bytes(), b"t", &0u64.to_be_bytes()] {
            plain.update((part.len() as u64).to_be_bytes());
            plain.update(part);
        }
        assert_eq!(send(conversation, id, &message), Digest(plain.finalize().into()));
    }
}
