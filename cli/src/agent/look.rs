//! What is on the desk: all conversations, and one with everything said.

use beistand_core::protocol::{
    Author, Content, Conversation, ConversationId, Message, MessagePage, ReadMarks, Receipts, Status, Visibility,
    agent::ConversationPage, attachment::AttachmentState, limits::HISTORY_PAGE, message::KnownContent,
};
use serde_json::json;

use super::desk::{CallError, Desk};
use crate::{exit::Failure, human, output::Output};

/// Lists all conversations; marks nothing.
pub async fn list(desk: &Desk, status: Option<Status>, output: &mut Output) -> Result<(), Failure> {
    let mut next: Option<String> = None;
    loop {
        let mut query = vec![("limit", "100")];
        query.extend(status.map(|status| ("status", human::status(status))));
        query.extend(next.as_deref().map(|next| ("next", next)));
        let page: ConversationPage = desk.get("v1/agent/conversations", &query).await?;
        for conversation in &page.conversations {
            output.tell(|| json!(conversation), |width| in_list(conversation, width))?;
        }
        if page.next.is_none() || page.next == next {
            return Ok(());
        }
        next = page.next;
    }
}

/// Shows a conversation and marks it as delivered and read.
pub async fn show(desk: &Desk, id: ConversationId, output: &mut Output) -> Result<(), Failure> {
    let path = format!("v1/agent/conversations/{id}");
    let conversation: Conversation = desk.get(&path, &[]).await?;
    let messages = history(desk, id).await?;
    output.tell(|| json!({"conversation": conversation}), |width| title(&conversation, width))?;
    for message in &messages {
        output.tell(|| json!({"message": message}), |width| in_timeline(message, &person(&conversation), width))?;
    }
    if let Some(newest) = messages.last() {
        let marks = ReadMarks { delivered_seq: newest.seq, read_seq: newest.seq };
        let _: Receipts = desk.put(&format!("{path}/read"), &marks).await?;
    }
    Ok(())
}

/// All messages, oldest first, page by page from the newest back.
async fn history(desk: &Desk, id: ConversationId) -> Result<Vec<Message>, CallError> {
    let path = format!("v1/agent/conversations/{id}/messages");
    let limit = HISTORY_PAGE.to_string();
    let mut all: Vec<Message> = Vec::new();
    loop {
        let before = all.last().map(|oldest| oldest.seq);
        let text = before.map(|before| before.to_string());
        let mut query = vec![("limit", limit.as_str())];
        query.extend(text.as_deref().map(|before| ("before", before)));
        let page: MessagePage = desk.get(&path, &query).await?;
        if page.messages.iter().any(|message| before.is_some_and(|before| message.seq >= before)) {
            return Err(CallError::Foreign(200));
        }
        let done = !page.has_more || page.messages.is_empty();
        all.extend(page.messages.into_iter().rev());
        if done {
            all.reverse();
            return Ok(all);
        }
    }
}

/// What a person is called on the desk.
pub fn person(conversation: &Conversation) -> String {
    let known = conversation.person.as_ref();
    let name = known.and_then(|person| person.name.as_deref().or(person.subject.as_deref()));
    name.map_or_else(|| "customer".to_owned(), |name| human::one_line(name, 40))
}

fn assigned(conversation: &Conversation) -> String {
    let assignee = conversation.assignee.as_ref();
    assignee.map_or_else(|| "nobody yet".to_owned(), |assignee| human::one_line(&assignee.name, 30))
}

fn remark(conversation: &Conversation) -> &'static str {
    if conversation.withdrawn_at.is_some() { "withdrawn" } else { "" }
}

/// A conversation in a list.
pub fn in_list(conversation: &Conversation, width: usize) -> String {
    // What agents wrote themselves counts too, so the number only means something while they have to act.
    let unread = conversation.last_seq.saturating_sub(conversation.receipts.agents.read_seq);
    let remark = match remark(conversation) {
        "" if unread > 0 && conversation.status == Status::Open => format!("{unread} new"),
        remark => remark.to_owned(),
    };
    let mut about = vec![human::time(conversation.updated_at), person(conversation), assigned(conversation)];
    about.extend(human::filed(conversation.category.as_deref(), conversation.priority, &Default::default()));
    [
        human::head(&conversation.id.to_string(), conversation.status, &remark),
        format!("  {}", human::one_line(&conversation.subject, width.saturating_sub(2))),
        human::parts(&about, width),
    ]
    .join("\n")
        + "\n"
}

fn title(conversation: &Conversation, width: usize) -> String {
    let opened = format!("opened {}", human::time(conversation.created_at));
    let mut about = vec![opened, person(conversation), assigned(conversation)];
    about.extend(human::filed(conversation.category.as_deref(), conversation.priority, &conversation.fields));
    let head = human::head(&conversation.id.to_string(), conversation.status, remark(conversation));
    format!("{head}\n{}\n{}", human::wrapped(&conversation.subject, width), human::parts(&about, width))
}

/// A message in a timeline; a note says that it is one.
pub fn in_timeline(message: &Message, person: &str, width: usize) -> String {
    let name = match &message.author {
        Author::Person => person.to_owned(),
        other => human::author(other, person),
    };
    let note = if message.visibility == Visibility::Agents { "note, agents only" } else { "" };
    let edited = if message.edited_at.is_some() && message.retracted_at.is_none() { "edited" } else { "" };
    let about = human::parts(&[name, human::time(message.created_at), note.into(), edited.into()], width);
    let words = match &message.content {
        Content::Known(KnownContent::Text { text, .. }) => human::wrapped(text, width),
        Content::Known(KnownContent::Retracted) => "  (taken back)".to_owned(),
        Content::Unknown(_) => "  (a kind of message that this version cannot show)".to_owned(),
    };
    let files = message.content.attachments().iter().map(|file| {
        let state = match file.state {
            AttachmentState::Ready => "",
            AttachmentState::Blocked => "blocked",
            AttachmentState::Scanning | AttachmentState::Unknown => "scanning",
        };
        human::attachment(&file.name, file.size, state, &file.id, width)
    });
    format!("\n{}\n{}", human::outdented(&about), human::with_files(words, files))
}
