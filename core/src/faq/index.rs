//! The search index of one language: FTS5 tables beside the articles, in the same file and transactions.
//!
//! Two tables: `faq_words_<n>` holds the terms of titles and bodies, stemmed by us, so that SQLite's tokenizer only cuts
//! at spaces; `faq_titles_<n>` holds the trigrams of titles. Neither holds the text itself. Beware: `detail=none` and
//! `detail=column` make such tables smaller and `bm25` silently wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use beistand_protocol::faq::Locale;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::compound;
use super::query::{self, Query};
use super::text::{Analysis, Word, joined};
use super::vocabulary::Vocabulary;

/// What an article gives to the index.
pub(crate) struct Entry<'a> {
    /// Its row.
    pub row: i64,
    /// Its title.
    pub title: &'a str,
    /// Phrases that count as its title.
    pub also_asked_as: &'a [String],
    /// What a reader sees of its body.
    pub text: &'a str,
}

/// An article that was found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Found {
    /// Its row.
    pub row: i64,
    /// Higher is better, at most 2; comparable within one answer only.
    pub score: f64,
}

/// The index of one language. Keep it as long as the language is cached: it remembers the vocabulary.
pub(crate) struct Index {
    words: String,
    titles: String,
    analysis: Analysis,
    /// With the generation that it was read in.
    vocabulary: Mutex<Option<(i64, Arc<Vocabulary>)>>,
    /// How often a batch of changes has each term, while it is written.
    learnt: Mutex<HashMap<String, u32>>,
}

/// How far down a ranking is read before rankings are merged.
const DEPTH: u32 = 100;

impl Index {
    /// The index number `number` in a file.
    pub fn new(number: i64, locale: &Locale) -> Self {
        Self {
            words: format!("faq_words_{number}"),
            titles: format!("faq_titles_{number}"),
            analysis: Analysis::new(locale),
            vocabulary: Mutex::new(None),
            learnt: Mutex::new(HashMap::new()),
        }
    }

    /// Makes its tables.
    pub fn create(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { words, titles, .. } = self;
        connection.execute_batch(&format!(
            "CREATE VIRTUAL TABLE {words} USING fts5(title, body, content='', contentless_delete=1, tokenize='ascii');
             CREATE VIRTUAL TABLE {words}_terms USING fts5vocab({words}, row);
             CREATE VIRTUAL TABLE {titles}
                 USING fts5(title, content='', contentless_delete=1, tokenize='trigram case_sensitive 1');
             CREATE TABLE IF NOT EXISTS faq_index_state (name TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
             INSERT OR REPLACE INTO faq_index_state VALUES ('{words}', abs(random()));"
        ))
    }

    /// Removes its tables.
    pub fn drop(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { words, titles, .. } = self;
        connection.execute_batch(&format!(
            "DROP TABLE IF EXISTS {words}_terms; DROP TABLE IF EXISTS {words}; DROP TABLE IF EXISTS {titles};"
        ))
    }

    /// Shows an article before any of the same batch is put in: compounds come apart by the words of all of them.
    pub fn learn(&self, entry: &Entry<'_>) {
        let mut learnt = self.learnt();
        for text in entry.texts() {
            for word in self.analysis.words(text) {
                *learnt.entry(word.term).or_default() += 1;
            }
        }
    }

    /// Puts an article in, in place of what its row had.
    pub fn put(&self, connection: &Connection, entry: &Entry<'_>) -> rusqlite::Result<()> {
        if self.learnt().is_empty() {
            let known = self.vocabulary(connection)?;
            *self.learnt() = known.counts().collect();
        }
        let titles: Vec<Word> = entry.titles().flat_map(|title| self.analysis.words(title)).collect();
        let folded = format!(" {} ", joined(titles.iter().map(|word| word.folded.as_str()), entry.title.len()));
        let title = self.terms(&titles);
        let body = self.terms(&self.analysis.words(entry.text));
        connection
            .prepare_cached(&format!("INSERT OR REPLACE INTO {} (rowid, title, body) VALUES (?1, ?2, ?3)", self.words))?
            .execute(params![entry.row, title, body])?;
        connection
            .prepare_cached(&format!("INSERT OR REPLACE INTO {} (rowid, title) VALUES (?1, ?2)", self.titles))?
            .execute(params![entry.row, folded])?;
        Ok(())
    }

    /// What the index holds of words: their terms, and the halves of compounds behind them.
    fn terms(&self, words: &[Word]) -> String {
        let learnt = self.learnt();
        let mut all = joined(words.iter().map(|word| word.term.as_str()), words.len() * 8);
        for word in words {
            let count = |term: &str| learnt.get(term).copied().unwrap_or_default();
            for half in compound::split(&word.folded, |half| self.analysis.stem(half), count).into_iter().flatten() {
                all.push(' ');
                all.push_str(&half);
            }
        }
        all
    }

    /// Takes an article out.
    pub fn remove(&self, connection: &Connection, row: i64) -> rusqlite::Result<()> {
        for table in [&self.words, &self.titles] {
            connection.prepare_cached(&format!("DELETE FROM {table} WHERE rowid = ?1"))?.execute([row])?;
        }
        Ok(())
    }

    /// Ends a batch of changes, in their transaction.
    pub fn finish(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { words, titles, .. } = self;
        *self.learnt() = HashMap::new();
        connection.execute_batch(&format!(
            "INSERT INTO {words} ({words}) VALUES ('optimize');
             INSERT INTO {titles} ({titles}) VALUES ('optimize');
             UPDATE faq_index_state SET generation = abs(random()) WHERE name = '{words}';"
        ))
    }

    /// The articles that fit a query best, best first.
    pub fn search(
        &self,
        connection: &Connection,
        query: &str,
        typing: bool,
        limit: usize,
    ) -> rusqlite::Result<Vec<Found>> {
        let query = Query::new(&self.analysis, query, typing);
        let meant = self.vocabulary(connection)?.meant(&self.analysis, &query.terms);
        let words = query::expression(meant.iter().map(String::as_str), query.beginning.as_deref());
        let threes = query::trigrams(query.terms.iter().map(|term| term.folded.as_str()));
        let titles = query::expression(threes.iter().map(String::as_str), None);
        let by_words = ranked(connection, &self.words, words)?;
        let by_title = ranked(connection, &self.titles, titles)?;
        let fused = query::fuse(&[&by_words, &by_title], limit);
        Ok(fused.into_iter().map(|(row, score)| Found { row, score }).collect())
    }

    /// Articles that may answer a draft; none if nothing is near.
    pub fn suggest(&self, connection: &Connection, draft: &str, limit: usize) -> rusqlite::Result<Vec<Found>> {
        self.search(connection, draft, false, limit)
    }

    /// All terms of the index, read once and again after each change.
    fn vocabulary(&self, connection: &Connection) -> rusqlite::Result<Arc<Vocabulary>> {
        let generation = connection
            .prepare_cached("SELECT generation FROM faq_index_state WHERE name = ?1")?
            .query_row([&self.words], |row| row.get(0))
            .optional()?
            .unwrap_or_default();
        let mut kept = self.vocabulary.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, vocabulary)) = kept.as_ref().filter(|(at, _)| *at == generation) {
            return Ok(vocabulary.clone());
        }
        let mut statement = connection.prepare_cached(&format!("SELECT term, doc FROM {}_terms", self.words))?;
        let terms = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        let fresh = Arc::new(Vocabulary::new(terms));
        *kept = Some((generation, fresh.clone()));
        Ok(fresh)
    }

    fn learnt(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Entry<'a> {
    fn titles(&self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.title).chain(self.also_asked_as.iter().map(String::as_str))
    }

    fn texts(&self) -> impl Iterator<Item = &'a str> {
        self.titles().chain([self.text])
    }
}

/// The best rows of a table with their scores, higher is better.
fn ranked(connection: &Connection, table: &str, expression: Option<String>) -> rusqlite::Result<Vec<(i64, f64)>> {
    let Some(expression) = expression else { return Ok(Vec::new()) };
    let sql = format!("SELECT rowid, -rank FROM {table} WHERE {table} MATCH ?1 ORDER BY rank LIMIT ?2");
    connection
        .prepare_cached(&sql)?
        .query_map(params![expression, DEPTH], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
