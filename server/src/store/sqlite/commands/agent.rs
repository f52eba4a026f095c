//! What an agent writes: answers and notes, assignment, status, read marks.

use beistand_protocol::{AgentId, Author, Code, MessageId, Status, Violation, Visibility, agent::AgentMessage};
use rusqlite::params;

use super::{
    Context, Done, done, refuse,
    timeline::{NewMessage, Standing},
};
use crate::{
    desk::{digest::Digest, rules},
    store::{
        Applied, Outcome, Reader,
        command::{AgentCommand, AgentWrite},
    },
};

pub(super) fn apply(context: &mut Context<'_>, command: AgentCommand) -> Done<Applied> {
    let Some(standing) = context.standing(command.app, command.conversation)? else {
        return refuse(Code::NotFound, "there is no such conversation in this app");
    };
    match &command.write {
        AgentWrite::Send { id, body, digest, check } => {
            send(context, &command, &standing, *id, body, *digest, check.clone())
        }
        AgentWrite::Assign(agent) => assign(context, &command, &standing, *agent),
        AgentWrite::SetStatus(status) => set_status(context, &command, &standing, *status),
        AgentWrite::Read(marks) => {
            let before = context.conversation(command.app, Reader::Agent, command.conversation)?.receipts.agents;
            let after = rules::marks_after(before, *marks, standing.last_seq);
            if after != before {
                context.set_marks(command.app, command.conversation, "agents", after)?;
                touch(context, &command, &standing, Visibility::All)?;
            }
            let conversation = context.conversation(command.app, Reader::Agent, command.conversation)?;
            done(false, Outcome::Receipts(conversation.receipts))
        }
    }
}

fn touch(context: &mut Context<'_>, command: &AgentCommand, standing: &Standing, visibility: Visibility) -> Done<()> {
    context.touch(command.app, standing.person, command.conversation, command.at, visibility)
}

fn answer(context: &Context<'_>, command: &AgentCommand) -> Done<Applied> {
    done(false, Outcome::Conversation(context.conversation(command.app, Reader::Agent, command.conversation)?))
}

fn not_withdrawn(standing: &Standing) -> Done<()> {
    match standing.withdrawn_at {
        Some(_) => refuse(Code::MessageRetracted, "the person took the conversation back"),
        None => Ok(()),
    }
}

fn send(
    context: &mut Context<'_>,
    command: &AgentCommand,
    standing: &Standing,
    id: MessageId,
    body: &AgentMessage,
    digest: Digest,
    check: Result<(), Violation>,
) -> Done<Applied> {
    let AgentCommand { app, agent, at, conversation, .. } = command;
    if let Some(known) = context.known_message(*app, id)? {
        // The digest names the conversation and the text, not the agent: it is the id that makes it the same message.
        if known.digest != digest {
            return refuse(Code::IdReused, "this message id was used before with other content");
        }
        return done(false, Outcome::Message(context.message(*app, Reader::Agent, id)?));
    }
    context.not_retracted_unseen(*app, id)?;
    not_withdrawn(standing)?;
    check?;
    context.append(&NewMessage {
        app: *app,
        person: standing.person,
        conversation: *conversation,
        id,
        author: Author::Agent { id: agent.id, name: agent.name.clone() },
        text: &body.text,
        attachments: &body.attachments,
        visibility: body.visibility,
        sent_at: None,
        digest,
        at: *at,
    })?;
    let status = rules::status_after_agent_wrote(standing.status, body.visibility);
    if status != standing.status {
        context.set_status(*app, *conversation, status)?;
    }
    if body.visibility == Visibility::All && !standing.assigned {
        set_assignee(context, command, Some(agent.id))?;
    }
    touch(context, command, standing, body.visibility)?;
    done(true, Outcome::Message(context.message(*app, Reader::Agent, id)?))
}

fn set_assignee(context: &Context<'_>, command: &AgentCommand, agent: Option<AgentId>) -> Done<bool> {
    let changed = context
        .conn
        .prepare_cached(
            "UPDATE conversations SET assignee_id = ?3 WHERE app_id = ?1 AND id = ?2 AND assignee_id IS NOT ?3",
        )?
        .execute(params![
            command.app.0,
            command.conversation.as_bytes(),
            agent.as_ref().map(|agent| *agent.as_bytes())
        ])?;
    Ok(changed > 0)
}

fn assign(
    context: &mut Context<'_>,
    command: &AgentCommand,
    standing: &Standing,
    agent: Option<AgentId>,
) -> Done<Applied> {
    not_withdrawn(standing)?;
    if let Some(agent) = agent {
        let exists = context
            .conn
            .prepare_cached("SELECT 1 FROM agents WHERE app_id = ?1 AND id = ?2")?
            .exists(params![command.app.0, agent.as_bytes()])?;
        if !exists {
            return Err(Violation::new(Code::UnknownAgent, "agent_id", "there is no such agent in this app").into());
        }
    }
    if set_assignee(context, command, agent)? {
        touch(context, command, standing, Visibility::All)?;
    }
    answer(context, command)
}

fn set_status(context: &mut Context<'_>, command: &AgentCommand, standing: &Standing, status: Status) -> Done<Applied> {
    not_withdrawn(standing)?;
    if standing.status != status {
        context.set_status(command.app, command.conversation, status)?;
        touch(context, command, standing, Visibility::All)?;
    }
    answer(context, command)
}
