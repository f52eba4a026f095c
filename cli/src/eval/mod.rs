//! `beistand faq eval`: how good the search is, on sets of questions whose answers are known, by the very path that an app
//! takes: a publication as a seed, the cache, the service. Beside it, in the same run, what SQLite's FTS5 does by default.

mod baseline;
mod measures;
mod run;
mod set;
mod told;
mod typo;

use std::path::PathBuf;

use clap::Args;

use crate::{exit::Failure, output::Output};

/// What is to be measured.
#[derive(Args, Debug)]
pub struct Eval {
    /// Sets of articles and questions, see docs/faq-search.md for their form
    #[arg(required = true, value_name = "FILE")]
    pub sets: Vec<PathBuf>,
    /// More questions for every set that it does not answer; without one, those of the other sets are taken
    #[arg(long, value_name = "FILE")]
    pub off_topic: Vec<PathBuf>,
    /// Seed of the typing errors and of the choice of off-topic questions
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
    /// Print for each set how often an article is suggested at other thresholds
    #[arg(long)]
    pub curve: bool,
}

/// Measures each set, one after the other.
pub async fn run(eval: Eval, output: &mut Output) -> Result<(), Failure> {
    let sets = eval.sets.iter().map(|path| set::read(path)).collect::<Result<Vec<_>, _>>()?;
    let strangers = eval.off_topic.iter().map(|path| set::read_questions(path)).collect::<Result<Vec<_>, _>>()?;
    for (at, set) in sets.iter().enumerate() {
        let others = sets.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|(_, other)| &other.queries);
        let off_topic: Vec<&str> = match strangers.as_slice() {
            [] => others.map(|question| question.text.as_str()).collect(),
            named => named.iter().flatten().map(String::as_str).collect(),
        };
        let figures = Box::pin(run::measure(set, &off_topic, &eval)).await?;
        output.tell(|| told::document(&figures), |_| told::text(&figures, eval.curve))?;
    }
    Ok(())
}
