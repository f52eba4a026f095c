//! The search of a large FAQ: built, kept and asked on the phone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use beistand_core::{Client, FaqSeed, SearchOptions};
use beistand_protocol::UnixMillis;
use beistand_protocol::faq::{Article, Bundle, Contents, Locale, Parcel};
use rusqlite::{Connection, OpenFlags};

use crate::figures::{Aim, Row, median, millis, number, percentile};
use crate::server::APP;
use crate::{Failure, Run, machine, phone};

/// Texts to take words from.
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../server/demo/faq/de");

/// A small generator (SplitMix64): every run measures the same articles.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}

/// Words as they follow each other in the demo FAQ.
fn running_words() -> Result<Vec<String>, Failure> {
    let mut files: Vec<PathBuf> = Vec::new();
    for collection in std::fs::read_dir(DEMO)? {
        files.extend(std::fs::read_dir(collection?.path())?.collect::<Result<Vec<_>, _>>()?.iter().map(|f| f.path()));
    }
    files.sort();
    let mut words = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file)?;
        let words_of = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.extend(words_of.map(str::to_owned));
    }
    Ok(words)
}

fn text(words: &[String], count: usize, chance: &mut Chance) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "ke", "lo", "mi", "ru", "sa", "te", "vo", "zu", "fen", "gal", "hur", "nis", "pel", "tro", "wim"];
    let mut text = String::new();
    let mut written = 0;
    while written < count {
        let (from, run) = (chance.below(words.len() - 8), 3 + chance.below(6));
        for word in words.iter().skip(from).take(run.min(count - written)) {
            let _ = write!(text, "{word} ");
        }
        written += run;
        if chance.below(2) == 0 {
            (0..2 + chance.below(3)).for_each(|_| text.push_str(SYLLABLES[chance.below(SYLLABLES.len())]));
            text.push(' ');
            written += 1;
        }
    }
    text.trim_end().to_owned()
}

/// Articles, and queries made of words of one of them each.
fn articles(run: &Run) -> Result<(Vec<Article>, Vec<String>), Failure> {
    let (count, asked) = if run.quick { (60, 20) } else { (5_000, 400) };
    let words = running_words()?;
    let mut chance = Chance(1);
    let mut articles = Vec::with_capacity(count);
    for id in 0..count {
        articles.push(Article {
            id: id.to_string().parse()?,
            collection: None,
            position: 0,
            title: {
                let length = 4 + chance.below(6);
                text(&words, length, &mut chance)
            },
            body: text(&words, 105, &mut chance),
            also_asked_as: Vec::new(),
            tags: Vec::new(),
            images: Vec::new(),
            version: 1,
            updated_at: UnixMillis(0),
        });
    }
    let queries = (0..asked).map(|_| {
        let article = &articles[chance.below(articles.len())];
        let from: Vec<&str> = article.title.split(' ').chain(article.body.split(' ').take(20)).collect();
        let words: Vec<&str> = (0..2 + chance.below(8)).map(|_| from[chance.below(from.len())]).collect();
        words.join(" ")
    });
    let queries = queries.collect();
    Ok((articles, queries))
}

fn phone(folder: &Path, seed: &Path) -> Result<Client, Failure> {
    phone::offline_with(folder, |settings| {
        settings.locale = Some("de".into());
        settings.faq_seeds = vec![FaqSeed::path(seed)];
    })
}

fn baseline(file: &Path, articles: &[Article]) -> Result<(Connection, f64), Failure> {
    let begun = Instant::now();
    let mut connection = Connection::open(file)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch("CREATE VIRTUAL TABLE docs USING fts5(title, body)")?;
    for article in articles {
        transaction
            .prepare_cached("INSERT INTO docs (title, body) VALUES (?1, ?2)")?
            .execute((&article.title, &article.body))?;
    }
    transaction.commit()?;
    Ok((connection, begun.elapsed().as_secs_f64()))
}

fn ask(connection: &Connection, query: &str, limit: usize) -> Result<usize, Failure> {
    let expression = query.split(' ').map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR ");
    let mut statement =
        connection.prepare_cached("SELECT rowid FROM docs WHERE docs MATCH ?1 ORDER BY rank LIMIT ?2")?;
    let rows = statement.query_map((expression, limit as i64), |row| row.get::<_, i64>(0))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.len())
}

fn index_bytes(file: &Path) -> Result<f64, Failure> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sum = "SELECT total(pgsize) FROM dbstat WHERE name LIKE 'faq\\_%' ESCAPE '\\'";
    Ok(connection.query_row(sum, [], |row| row.get(0))?)
}

/// What a process of its own holds more once it has searched.
fn memory(cache: &Path, seed: &Path, queries: &[String]) -> Result<f64, Failure> {
    std::fs::copy(seed, cache.join("seed.faq"))?;
    std::fs::write(cache.join("queries"), queries.join("\n"))?;
    let told = Command::new(std::env::current_exe()?).arg("--faq-memory").arg(cache).output()?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).into_owned().into());
    }
    Ok(String::from_utf8(told.stdout)?.trim().parse()?)
}

/// The other process: searches and prints how many megabytes that took.
pub fn tell_memory(cache: &Path) -> Result<(), Failure> {
    let queries = std::fs::read_to_string(cache.join("queries"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let megabytes = runtime.block_on(async {
        let client = phone(cache, &cache.join("seed.faq"))?;
        // The client as it is without a FAQ: its database is open, its tasks run.
        client.conversations().list().await?;
        let before = machine::resident(std::process::id());
        for query in queries.lines() {
            client.faq().search(query, SearchOptions::default()).await?;
        }
        let after = machine::resident(std::process::id());
        client.shutdown().await;
        Ok::<f64, Failure>((after - before) / 1e6)
    })?;
    println!("{megabytes}");
    Ok(())
}

/// Measures build, size, search and memory.
pub async fn measure(run: &Run) -> Result<Vec<Row>, Failure> {
    let (articles, queries) = articles(run)?;
    let characters: usize = articles.iter().map(|article| article.title.len() + article.body.len()).sum();
    let count = articles.len();
    let folder = run.folder("faq")?;
    let (plain, plain_build) = baseline(&folder.join("baseline.sqlite3"), &articles)?;
    let locale: Locale = "de".parse()?;
    let seed = folder.join("seed.faq");
    let contents = Contents::Bundle(Bundle { default_locale: None, collections: Vec::new(), articles });
    std::fs::write(&seed, Parcel::pack(APP, locale, 1, &contents)?.to_bytes()?)?;
    drop(contents);
    let mut builds = Vec::new();
    for _ in 0..run.times(3) {
        let client = phone(&run.folder("faq-phone")?, &seed)?;
        let begun = Instant::now();
        let held = client.faq().status().await?.articles as usize;
        builds.push(begun.elapsed().as_secs_f64());
        client.shutdown().await;
        if held != count {
            return Err(format!("{held} of {count} articles were taken").into());
        }
    }
    let kept = run.scratch.path().join("faq-phone");
    let memory = memory(&kept, &seed, &queries)?;
    let client = phone(&kept, &seed)?;
    let begun = Instant::now();
    client.faq().search(&queries[0], SearchOptions::default()).await?;
    let first = millis(begun.elapsed());
    let (mut times, mut plain_times) = (Vec::new(), Vec::new());
    for query in &queries {
        let begun = Instant::now();
        let found = client.faq().search(query, SearchOptions::default()).await?;
        times.push(millis(begun.elapsed()));
        let begun = Instant::now();
        let by_default = ask(&plain, query, SearchOptions::default().limit)?;
        plain_times.push(millis(begun.elapsed()));
        if found.hits.is_empty() || by_default == 0 {
            return Err("a query of an article's own words found nothing".into());
        }
    }
    client.shutdown().await;
    let (p95, plain_p95) = (percentile(&times, 95), percentile(&plain_times, 95));
    let what = format!("build of {} articles, {} MB of text", number(count as f64), number(characters as f64 / 1e6));
    Ok(vec![
        Row::of_runs(what, &builds, "s")
            .beside(format!("FTS5 default, without reading a seed: {} s", number(plain_build)))
            .aim(Aim::AtMost(3.0)),
        Row::single("index", index_bytes(&kept.join("faq.sqlite3"))? / 1e6, "MB").aim(Aim::AtMost(3.0)),
        Row::single("search, p50", median(&times), "ms")
            .beside(format!("FTS5 default: {} ms", number(median(&plain_times)))),
        Row::single("search, p95", p95, "ms")
            .beside(format!("FTS5 default: {} ms", number(plain_p95)))
            .aim(Aim::AtMost(5.0)),
        Row::single("search beside FTS5's default, p95", p95 / plain_p95, "×").aim(Aim::AtMost(2.0)),
        Row::single("the first search of a process", first, "ms"),
        Row::single("memory above idle", memory, "MB").aim(Aim::AtMost(8.0)),
    ])
}
