//! What an agent changes: answers, notes, assignment, status. The id of a message is minted here, so an answer of the server
//! that is lost costs one repetition and doubles nothing.

use beistand_core::protocol::{
    AgentId, Conversation, ConversationId, Message, Status, StatusChange, Visibility,
    agent::{AgentList, AgentMessage, Assign},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    desk::{CallError, Desk},
    files, look,
};
use crate::{
    args::Words,
    exit::{Exit, Failure},
    human, input,
    output::Output,
};

/// Writes, and once more with the same body if no answer came.
async fn put_surely<T: DeserializeOwned>(desk: &Desk, path: &str, body: &impl Serialize) -> Result<T, CallError> {
    match desk.put(path, body).await {
        Err(CallError::Lost) => desk.put(path, body).await,
        ended => ended,
    }
}

/// Answers, or writes a note.
pub async fn write(desk: &Desk, words: &Words, note: bool, output: &mut Output) -> Result<(), Failure> {
    let text = input::agents_text(&words.text, !words.attach.is_empty())?;
    let id = words.message();
    let attachments = files::upload_all(desk, id, &words.attach).await?;
    let visibility = if note { Visibility::Agents } else { Visibility::All };
    let path = format!("v1/agent/conversations/{}/messages/{id}", words.id);
    let message: Message = match put_surely(desk, &path, &AgentMessage { text, attachments, visibility }).await {
        Ok(message) => message,
        Err(CallError::Lost) => {
            let sentence = format!(
                "No answer came. It may be stored or not; the same again with `--id {id}` stores it once, whatever happened."
            );
            let failure = Failure::new(Exit::Failed, "unreachable", sentence);
            return Err(failure.telling(json!({"id": id, "conversation_id": words.id})));
        }
        Err(error) => return Err(error.into()),
    };
    output.tell(|| json!(message), |_| id.to_string())
}

/// Gives a conversation to an agent.
pub async fn assign(
    desk: &Desk,
    id: ConversationId,
    agent: Option<&str>,
    nobody: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let agent_id = match agent {
        None if nobody => None,
        None => Some(desk.agent.id),
        Some(text) => Some(find(desk, text).await?),
    };
    let path = format!("v1/agent/conversations/{id}/assignee");
    let conversation: Conversation = put_surely(desk, &path, &Assign { agent_id }).await?;
    output.tell(|| json!(conversation), |width| look::in_list(&conversation, width))
}

async fn find(desk: &Desk, text: &str) -> Result<AgentId, Failure> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let list: AgentList = desk.get("v1/agent/agents", &[]).await?;
    let exactly = list.agents.iter().find(|agent| agent.name == text);
    let alike = || list.agents.iter().find(|agent| agent.name.to_lowercase() == text.to_lowercase());
    exactly.or_else(alike).map(|agent| agent.id).ok_or_else(|| {
        let names: Vec<_> = list.agents.iter().map(|agent| human::one_line(&agent.name, 40)).collect();
        let sentence = format!("There is no such agent. Nothing was changed; there are: {}.", names.join(", "));
        Failure::new(Exit::NotFound, "unknown-agent", sentence)
    })
}

/// Sets the status.
pub async fn set_status(desk: &Desk, id: ConversationId, status: Status, output: &mut Output) -> Result<(), Failure> {
    let path = format!("v1/agent/conversations/{id}/status");
    let conversation: Conversation = put_surely(desk, &path, &StatusChange { status }).await?;
    output.tell(|| json!(conversation), |width| look::in_list(&conversation, width))
}
