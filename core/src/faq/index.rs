//! The search index of one language: FTS5 tables beside the articles, in the same file and transactions.
//!
//! Two tables: `faq_words_<n>` holds the terms of titles and bodies, stemmed by us, so that SQLite's tokenizer only cuts
//! at spaces; `faq_titles_<n>` holds the trigrams of titles. Neither holds the text itself. Beware: `detail=none` and
//! `detail=column` make such tables smaller and `bm25` silently wrong.

use std::sync::{Arc, Mutex, PoisonError};

use beistand_protocol::faq::Locale;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::query::{self, Query};
use super::text::{Analysis, joined};

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
    /// Higher is better; comparable within one answer only.
    pub score: f64,
}

/// The index of one language. Keep it as long as the language is cached: it remembers the vocabulary.
pub(crate) struct Index {
    words: String,
    titles: String,
    analysis: Analysis,
    vocabulary: Mutex<Option<Arc<Vocabulary>>>,
}

/// How far down a ranking is read before rankings are merged.
const DEPTH: usize = 100;

/// A word of the title weighs as much as five of the body.
const TITLE_WEIGHT: f64 = 5.0;

impl Index {
    /// The index number `number` in a file.
    pub fn new(number: i64, locale: &Locale) -> Self {
        Self {
            words: format!("faq_words_{number}"),
            titles: format!("faq_titles_{number}"),
            analysis: Analysis::new(locale),
            vocabulary: Mutex::new(None),
        }
    }

    /// Makes its tables.
    pub fn create(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { words, titles, .. } = self;
        connection.execute_batch(&format!(
            "CREATE VIRTUAL TABLE {words} USING fts5(title, body, content='', contentless_delete=1, tokenize='ascii');
             CREATE VIRTUAL TABLE {words}_terms USING fts5vocab({words}, row);
             CREATE VIRTUAL TABLE {titles} USING fts5(title, content='', contentless_delete=1, tokenize='trigram case_sensitive 1');
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

    /// Puts an article in, in place of what its row had.
    pub fn put(&self, connection: &Connection, entry: &Entry<'_>) -> rusqlite::Result<()> {
        let titles = std::iter::once(entry.title).chain(entry.also_asked_as.iter().map(String::as_str));
        let words: Vec<_> = titles.flat_map(|title| self.analysis.words(title)).collect();
        let terms = joined(words.iter().map(|word| word.term.as_str()), entry.title.len());
        let folded = format!(" {} ", joined(words.iter().map(|word| word.folded.as_str()), entry.title.len()));
        connection
            .prepare_cached(&format!("INSERT OR REPLACE INTO {} (rowid, title, body) VALUES (?1, ?2, ?3)", self.words))?
            .execute(params![entry.row, terms, self.analysis.terms(entry.text)])?;
        connection
            .prepare_cached(&format!("INSERT OR REPLACE INTO {} (rowid, title) VALUES (?1, ?2)", self.titles))?
            .execute(params![entry.row, folded])?;
        Ok(())
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
        let vocabulary = self.vocabulary(connection)?;
        let known: Vec<&str> = query.terms.iter().filter_map(|term| vocabulary.nearest(&term.term)).collect();
        let by_words =
            self.ranked(connection, &self.words, query::expression(known.into_iter(), query.beginning.as_deref()))?;
        let threes = query::trigrams(query.terms.iter().map(|term| term.folded.as_str()));
        let by_title =
            self.ranked(connection, &self.titles, query::expression(threes.iter().map(String::as_str), None))?;
        let fused = query::fuse(&[(2.0, &by_words), (1.0, &by_title)]);
        Ok(fused.into_iter().take(limit).map(|(row, score)| Found { row, score }).collect())
    }

    /// Articles that may answer a draft; none if nothing is near.
    pub fn suggest(&self, connection: &Connection, draft: &str, limit: usize) -> rusqlite::Result<Vec<Found>> {
        self.search(connection, draft, false, limit)
    }

    fn ranked(&self, connection: &Connection, table: &str, expression: Option<String>) -> rusqlite::Result<Vec<i64>> {
        let Some(expression) = expression else { return Ok(Vec::new()) };
        let sql = if table == self.words {
            format!(
                "SELECT rowid FROM {table} WHERE {table} MATCH ?1 ORDER BY bm25({table}, {TITLE_WEIGHT}, 1.0) LIMIT ?2"
            )
        } else {
            format!("SELECT rowid FROM {table} WHERE {table} MATCH ?1 ORDER BY rank LIMIT ?2")
        };
        connection.prepare_cached(&sql)?.query_map(params![expression, DEPTH], |row| row.get(0))?.collect()
    }

    /// All terms of the index, read once and again after each change.
    fn vocabulary(&self, connection: &Connection) -> rusqlite::Result<Arc<Vocabulary>> {
        let generation = connection
            .prepare_cached("SELECT generation FROM faq_index_state WHERE name = ?1")?
            .query_row([&self.words], |row| row.get(0))
            .optional()?;
        let mut kept = self.vocabulary.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vocabulary) = kept.as_ref().filter(|kept| Some(kept.generation) == generation) {
            return Ok(vocabulary.clone());
        }
        let mut statement = connection.prepare_cached(&format!("SELECT term, doc FROM {}_terms", self.words))?;
        let terms = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        let fresh = Arc::new(Vocabulary { generation: generation.unwrap_or_default(), terms });
        *kept = Some(fresh.clone());
        Ok(fresh)
    }
}

/// The terms of an index, in order, with the number of articles that have them.
struct Vocabulary {
    generation: i64,
    terms: Vec<(String, u32)>,
}

impl Vocabulary {
    /// The term itself, or the most frequent one within one edit; `None` if there is neither.
    fn nearest(&self, term: &str) -> Option<&str> {
        if let Ok(at) = self.terms.binary_search_by(|(known, _)| known.as_str().cmp(term)) {
            return self.terms.get(at).map(|(known, _)| known.as_str());
        }
        let wanted: Vec<char> = term.chars().collect();
        if wanted.len() < 4 {
            return None;
        }
        let mut letters = Vec::new();
        let near = self.terms.iter().filter(|(known, _)| {
            letters.clear();
            letters.extend(known.chars());
            query::within_one_edit(&wanted, &letters)
        });
        near.max_by_key(|(_, articles)| *articles).map(|(known, _)| known.as_str())
    }
}
