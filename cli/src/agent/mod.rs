//! What an agent does: a small desk over plain HTTP, with a session that begins and ends with the command. Nothing is kept
//! on this machine, so everything here needs the server.

mod act;
mod connection;
mod desk;
mod faq;
mod files;
mod look;
mod watch;

use crate::{
    args::{AgentArguments, AgentCommand, Place},
    exit::Failure,
    input,
    output::Output,
};

use self::desk::Desk;

/// Runs a command of an agent.
pub async fn run(place: &Place, arguments: AgentArguments, output: &mut Output) -> Result<(), Failure> {
    let password = input::password(&arguments.password)?;
    let desk = Desk::sign_in(place, &arguments.user, password).await?;
    let ended = carry_out(&desk, arguments.command, output).await;
    desk.sign_out().await;
    ended
}

async fn carry_out(desk: &Desk, command: AgentCommand, output: &mut Output) -> Result<(), Failure> {
    match command {
        AgentCommand::List { status } => look::list(desk, status.map(Into::into), output).await,
        AgentCommand::Show { id } => look::show(desk, id, output).await,
        AgentCommand::Reply(words) => act::write(desk, &words, false, output).await,
        AgentCommand::Note(words) => act::write(desk, &words, true, output).await,
        AgentCommand::Fetch { attachment, output: place } => files::fetch(desk, attachment, &place, output).await,
        AgentCommand::Assign { id, agent, nobody } => act::assign(desk, id, agent.as_deref(), nobody, output).await,
        AgentCommand::Status { id, status } => act::set_status(desk, id, status.into(), output).await,
        AgentCommand::Faq => faq::counts(desk, output).await,
        AgentCommand::Watch { time } => Box::pin(watch::watch(desk, time, output)).await,
    }
}
