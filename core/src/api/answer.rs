//! Answers to the writes of the outbox, read as what they must be: a body that does not parse, or that speaks of another
//! resource, is a foreign answer even with status 200.

use beistand_protocol::{
    Conversation, Message, Opened, Receipts, Retraction, Withdrawn,
    faq::{FeedbackStored, ReportStored},
};
use serde::de::DeserializeOwned;

use crate::outbox::payload::Payload;

/// The server's word after a write.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Opened(Box<Opened>),
    Message(Box<Message>),
    Retraction(Box<Retraction>),
    Withdrawn,
    Conversation(Box<Conversation>),
    Receipts,
    /// What readers say is stored.
    Heard,
}

pub(crate) fn read(payload: &Payload, body: &[u8]) -> Option<Answer> {
    match payload {
        Payload::Open { conversation, body: open } => parse::<Opened>(body)
            .filter(|opened| opened.conversation.id == *conversation && opened.message.id == open.message.id)
            .map(|opened| Answer::Opened(Box::new(opened))),
        Payload::Send { conversation, message, .. } | Payload::Edit { conversation, message, .. } => {
            parse::<Message>(body)
                .filter(|answer| answer.id == *message && answer.conversation_id == *conversation)
                .map(|message| Answer::Message(Box::new(message)))
        }
        Payload::Retract { message, .. } => parse::<Retraction>(body)
            .filter(|answer| answer.id == *message)
            .map(|retraction| Answer::Retraction(Box::new(retraction))),
        Payload::Withdraw { conversation } => {
            parse::<Withdrawn>(body).filter(|answer| answer.id == *conversation).map(|_| Answer::Withdrawn)
        }
        Payload::Status { conversation, .. } => parse::<Conversation>(body)
            .filter(|answer| answer.id == *conversation)
            .map(|conversation| Answer::Conversation(Box::new(conversation))),
        Payload::Read { .. } => parse::<Receipts>(body).map(|_| Answer::Receipts),
        Payload::FaqFeedback { article, body: said } => parse::<FeedbackStored>(body)
            .filter(|answer| answer.article == *article && answer.locale == said.locale)
            .map(|_| Answer::Heard),
        Payload::FaqReport { report, .. } => {
            parse::<ReportStored>(body).filter(|answer| answer.id == *report).map(|_| Answer::Heard)
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}
