//! One set through a client of its own, which has the articles as a seed and no network.

use std::{path::Path, time::Instant};

use beistand_core::{Client, FaqSeed, SearchOptions, Settings};
use rusqlite::{Connection, OpenFlags};

use super::{
    Eval,
    baseline::Baseline,
    measures::{Quality, percentile},
    set::{APP, Set},
    typo::{Chance, mistype},
};
use crate::exit::{Exit, Failure};

/// Off-topic questions for each set.
const STRANGERS: usize = 200;

/// Nothing listens there, and nobody asks.
const NOWHERE: &str = "http://127.0.0.1:1";

/// What came out.
pub struct Figures {
    pub name: String,
    pub articles: usize,
    pub queries: usize,
    pub plain: Quality,
    pub typo: Quality,
    pub baseline: Quality,
    pub baseline_typo: Quality,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub baseline_p95_ms: f64,
    pub index_bytes: u64,
    pub build_ms: f64,
    pub suggest: Option<Suggested>,
}

/// How often something is suggested.
pub struct Suggested {
    pub off_topic: usize,
    /// The part of the set's own questions that get a suggestion.
    pub speaks: f64,
    /// The part of those with a good article among the suggestions.
    pub right: f64,
    /// The part of the off-topic questions that get none.
    pub silent: f64,
    /// How near the nearest article is to each of the set's own questions, and to the off-topic ones; for the curve only.
    pub near: Vec<f64>,
    pub far: Vec<f64>,
}

/// Measures a set.
pub async fn measure(set: &Set, off_topic: &[&str], eval: &Eval) -> Result<Figures, Failure> {
    let unusable = |_| Failure::new(Exit::Failed, "faq-eval", "No temporary folder can be made.");
    let folder = tempfile::tempdir().map_err(unusable)?;
    let mut settings = Settings::new(NOWHERE, APP, folder.path().join("phone"))?;
    settings.locale = Some(set.lang.to_string());
    settings.faq_seeds = vec![FaqSeed::bytes(set.parcel()?)];
    let client = Client::builder(settings).build()?;
    let measured = Box::pin(with(&client, set, off_topic, eval, folder.path())).await;
    client.shutdown().await;
    measured
}

async fn with(client: &Client, set: &Set, off_topic: &[&str], eval: &Eval, folder: &Path) -> Result<Figures, Failure> {
    let begun = Instant::now();
    let status = client.faq().status().await?;
    let build_ms = begun.elapsed().as_secs_f64() * 1000.0;
    if status.articles as usize != set.docs.len() {
        return Err(Failure::new(Exit::Failed, "faq-set", format!("The articles of {} were not taken.", set.name)));
    }
    let baseline = Baseline::build(&folder.join("baseline.sqlite3"), set).map_err(sqlite)?;
    let index_bytes = index_bytes(&folder.join("phone").join("faq.sqlite3")).map_err(sqlite)?;
    let mut chance = Chance::new(eval.seed);
    let (mut plain, mut typo, mut by_default, mut by_default_typo) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut times, mut default_times) = (Vec::new(), Vec::new());
    let limit = SearchOptions::default().limit;
    for question in &set.queries {
        let mistyped = mistype(&question.text, &mut chance);
        for (text, ours, theirs) in
            [(&question.text, &mut plain, &mut by_default), (&mistyped, &mut typo, &mut by_default_typo)]
        {
            let options = SearchOptions { locale: Some(set.lang.clone()), ..SearchOptions::default() };
            let begun = Instant::now();
            let results = client.faq().search(text, options).await?;
            times.push(begun.elapsed());
            let found: Vec<&str> = results.hits.iter().filter_map(|hit| set.doc(&hit.article)).collect();
            ours.push(Quality::of(&found, &question.relevant));
            let begun = Instant::now();
            let rows = baseline.search(text, limit).map_err(sqlite)?;
            default_times.push(begun.elapsed());
            let found: Vec<&str> = rows
                .iter()
                .filter_map(|row| set.docs.get(usize::try_from(*row).ok()?).map(|doc| doc.id.as_str()))
                .collect();
            theirs.push(Quality::of(&found, &question.relevant));
        }
    }
    Ok(Figures {
        name: set.name.clone(),
        articles: set.docs.len(),
        queries: set.queries.len(),
        plain: Quality::mean(&plain),
        typo: Quality::mean(&typo),
        baseline: Quality::mean(&by_default),
        baseline_typo: Quality::mean(&by_default_typo),
        p50_ms: percentile(&mut times, 0.5),
        p95_ms: percentile(&mut times, 0.95),
        baseline_p95_ms: percentile(&mut default_times, 0.95),
        index_bytes,
        build_ms,
        suggest: suggested(client, set, off_topic, eval.curve, &mut chance).await?,
    })
}

async fn suggested(
    client: &Client,
    set: &Set,
    off_topic: &[&str],
    curve: bool,
    chance: &mut Chance,
) -> Result<Option<Suggested>, Failure> {
    if off_topic.is_empty() {
        return Ok(None);
    }
    let mut strangers = off_topic.to_vec();
    while strangers.len() > STRANGERS {
        strangers.swap_remove(chance.below(strangers.len()));
    }
    let (mut spoke, mut right, mut silent) = (0_u32, 0_u32, 0_u32);
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for question in &set.queries {
        let hits = client.faq().suggest(&question.text).await?;
        spoke += u32::from(!hits.is_empty());
        let good = |id: &str| question.relevant.contains(id);
        right += u32::from(hits.iter().any(|hit| set.doc(&hit.article).is_some_and(good)));
        if curve {
            near.push(nearness(client, &question.text).await?);
        }
    }
    for stranger in &strangers {
        silent += u32::from(client.faq().suggest(stranger).await?.is_empty());
        if curve {
            far.push(nearness(client, stranger).await?);
        }
    }
    let part = |count: u32, all: usize| f64::from(count) / f64::from(u32::try_from(all.max(1)).unwrap_or(u32::MAX));
    Ok(Some(Suggested {
        off_topic: strangers.len(),
        speaks: part(spoke, set.queries.len()),
        right: part(right, spoke as usize),
        silent: part(silent, strangers.len()),
        near,
        far,
    }))
}

async fn nearness(client: &Client, draft: &str) -> Result<f64, Failure> {
    Ok(client.faq().nearness(draft).await?.unwrap_or(f64::NEG_INFINITY))
}

/// The pages of the search index; the articles themselves are not counted.
fn index_bytes(file: &Path) -> rusqlite::Result<u64> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.query_row("SELECT total(pgsize) FROM dbstat WHERE name LIKE 'faq\\_%' ESCAPE '\\'", [], |row| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of page sizes")]
        row.get::<_, f64>(0).map(|bytes| bytes as u64)
    })
}

fn sqlite(_: rusqlite::Error) -> Failure {
    Failure::new(Exit::Failed, "faq-eval", "SQLite failed while measuring.")
}
