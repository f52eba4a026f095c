//! What a test can ask of a world; one object with one member each. The scenarios of the bindings use the same words.

use beistand_protocol::ConversationId;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    /// The agent answers.
    AgentReplies { to: ConversationId, text: String },
    /// The agent begins or stops to type.
    AgentTypes {
        #[serde(rename = "in")]
        conversation: ConversationId,
        #[serde(default = "yes")]
        typing: bool,
    },
    /// The agent reads everything.
    AgentReads { of: ConversationId },
    /// The agent closes the conversation.
    AgentCloses { of: ConversationId },
    /// The network changes.
    Network(Network),
    /// These are the articles of the FAQ from now on.
    Articles(Articles),
    /// The agent writes many messages.
    Fill { of: ConversationId, messages: u32 },
    /// What the server has in a conversation.
    ServerMessages { of: ConversationId },
    /// A token that says who the person is.
    Token {
        user: String,
        #[serde(default)]
        kind: TokenKind,
    },
    /// What conversations the server has, newest first, with whose they are.
    ServerConversations {},
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Network {
    /// As it should be.
    Online,
    /// Every connection breaks.
    Offline,
    /// Everything takes so many milliseconds longer.
    SlowMs(u64),
    /// The next writes are answered with an error of the server.
    FailNext { times: u32, status: u16 },
    /// The next write reaches the server, its answer is lost.
    LoseNextAnswer,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenKind {
    /// The server believes it.
    #[default]
    Good,
    /// It ended an hour ago.
    Expired,
    /// It is for another app.
    Refused,
    /// It begins in an hour.
    Early,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Articles {
    #[serde(default = "english")]
    pub(crate) locale: String,
    pub(crate) docs: Vec<Article>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Article {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) also_asked_as: Vec<String>,
}

fn yes() -> bool {
    true
}

fn english() -> String {
    "en".to_owned()
}
