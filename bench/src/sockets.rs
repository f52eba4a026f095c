//! Ten thousand open sockets: what each costs, how soon a hint is there while others write, how long one message takes to
//! reach all of them, and what happens when all come back at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::figures::{Aim, Row, millis, number, percentile};
use crate::people::{Agent, Http, Person};
use crate::server::Server;
use crate::swarm::{Board, Crowd, Swarm};
use crate::{Failure, Run, machine};

/// The last hint of a measure may take so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures.
pub async fn measure(run: &Run) -> Result<Vec<Row>, Failure> {
    let wanted: usize = if run.quick { 40 } else { 10_000 };
    // Each socket is a file here and one at the server, which inherits the limit.
    let files = machine::allow_files(2 * u64::try_from(wanted)? + 2_000);
    if files < u64::try_from(wanted)? + 500 {
        return Err(
            format!("{wanted} sockets need more open files than the {files} allowed here: raise ulimit -n").into()
        );
    }
    let server = Server::start(&run.folder("sockets-server")?)?;
    let http = Http::new(&server)?;
    let agent = http.agent().await?;
    let people = http.people(wanted).await?;
    let tokens = people.iter().map(|person| person.credential.to_token()).collect();
    let crowd = Arc::new(Crowd { address: server.address.clone(), path: "/v1/realtime", tokens });

    let mut rows = Vec::new();
    // A second's rest: what the server keeps for the requests before is given back or not, but it no longer moves.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = machine::resident(server.id());
    let mut swarm = Swarm::open(&crowd, false).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let each = (machine::resident(server.id()) - before).max(0.0) / wanted as f64 / 1024.0;
    let count = number(wanted as f64);
    let beside = format!("the server before: {} MiB", number(before / 1024.0 / 1024.0));
    rows.push(
        Row::single(format!("memory of the server a socket, {count} open"), each, "KiB")
            .beside(beside)
            .aim(Aim::AtMost(12.0)),
    );

    for rate in if run.quick { vec![50] } else { vec![100, 500] } {
        let time = Duration::from_millis(if run.quick { 400 } else { 10_000 });
        let aim = (rate == 500).then_some(Aim::AtMost(15.0));
        rows.extend(delivery(&agent, &people, &swarm.board, rate, time).await?.into_iter().map(|mut row| {
            row.aim = aim.filter(|_| row.what.ends_with("p99"));
            row
        }));
    }
    if swarm.open_now() != wanted {
        return Err(format!("{} of {wanted} sockets were closed meanwhile", wanted - swarm.open_now()).into());
    }

    let (mut storms, mut errors) = (Vec::new(), 0);
    for _ in 0..run.times(3) {
        swarm.close().await;
        swarm = Swarm::open(&crowd, true).await?;
        storms.push(swarm.took.as_secs_f64());
        errors += swarm.failed;
    }
    swarm.close().await;
    rows.push(Row::of_runs(format!("all {count} come back at once"), &storms, "s").aim(Aim::AtMost(5.0)));
    rows.push(Row::single("… and fail", errors as f64, "sockets").aim(Aim::AtMost(0.0)));

    rows.insert(rows.len() - 2, to_all(run, &server, &http, &agent, &people, wanted).await?);
    Ok(rows)
}

/// One agent answers one person after the other, at a steady rate; each person's socket gets one hint. Latencies count
/// from the moment that the schedule says, so that a write that starts late is not forgiven.
async fn delivery(
    agent: &Agent,
    people: &[Arc<Person>],
    board: &Arc<Board>,
    rate: u32,
    time: Duration,
) -> Result<Vec<Row>, Failure> {
    let count = people.len().min((time.as_secs_f64() * f64::from(rate)) as usize);
    board.wipe();
    let begun = Instant::now() + Duration::from_millis(50);
    let mut writes = tokio::task::JoinSet::new();
    for (number, person) in people.iter().enumerate().take(count) {
        let due = begun + Duration::from_secs_f64(number as f64 / f64::from(rate));
        tokio::time::sleep_until(due.into()).await;
        let (agent, conversation) = (agent.clone(), person.conversation);
        writes.spawn(async move {
            agent.reply(conversation).await?;
            Ok::<_, Failure>((number, due, Instant::now()))
        });
    }
    let (mut whole, mut after, mut durable) = (Vec::new(), Vec::new(), Vec::new());
    let mut answered = Vec::new();
    while let Some(ended) = writes.join_next().await {
        answered.push(ended??);
    }
    let arrived = board.hints(count, PATIENCE).await;
    if arrived < count {
        return Err(format!("only {arrived} of {count} hints arrived").into());
    }
    for (number, due, stored) in answered {
        let heard = board.heard(number).ok_or("a socket got somebody else's hint")?;
        whole.push(nanos(heard.saturating_sub(board.at(due))));
        durable.push(nanos(board.at(stored).saturating_sub(board.at(due))));
        after.push(nanos(heard.saturating_sub(board.at(stored))));
    }
    let row = |hundredths: usize| {
        let beside = format!(
            "the writer's own answer: {} ms; hint behind that answer: {} ms",
            number(percentile(&durable, hundredths)),
            number(percentile(&after, hundredths))
        );
        Row::single(format!("hint at the socket, {rate} writes/s, p{hundredths}"), percentile(&whole, hundredths), "ms")
            .beside(beside)
    };
    Ok(vec![row(50), row(99)])
}

fn nanos(nanos: u64) -> f64 {
    millis(Duration::from_nanos(nanos))
}

/// As many sockets of agents of one app: one message of a person is news for all of them.
async fn to_all(
    run: &Run,
    server: &Server,
    http: &Http,
    agent: &Agent,
    people: &[Arc<Person>],
    wanted: usize,
) -> Result<Row, Failure> {
    let tokens = vec![agent.key.clone(); wanted];
    let crowd = Arc::new(Crowd { address: server.address.clone(), path: "/v1/agent/realtime", tokens });
    let swarm = Swarm::open(&crowd, false).await?;
    if swarm.failed > 0 {
        return Err(format!("{} sockets of agents could not be opened", swarm.failed).into());
    }
    let (mut last, mut half) = (Vec::new(), Vec::new());
    for person in people.iter().take(run.times(7)) {
        swarm.board.wipe();
        let begun = Instant::now();
        http.send(person).await?;
        let arrived = swarm.board.hints(wanted, PATIENCE).await;
        if arrived != wanted {
            return Err(format!("{arrived} of {wanted} sockets heard of one message").into());
        }
        let since = |at: u64| nanos(at.saturating_sub(swarm.board.at(begun)));
        last.push(since(swarm.board.last()));
        let times: Vec<f64> = (0..wanted).filter_map(|socket| swarm.board.heard(socket)).map(since).collect();
        half.push(percentile(&times, 50));
        // The next message is one of its own.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    swarm.close().await;
    let what = format!("one message at all {} sockets", number(wanted as f64));
    let beside = format!("half of them: {} ms", number(percentile(&half, 50)));
    Ok(Row::of_runs(what, &last, "ms").beside(beside).aim(Aim::AtMost(300.0)))
}
