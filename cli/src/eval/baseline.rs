//! What SQLite's full-text search does by default: its own tokenizer, its own ranking, any of the words. The reference.

use std::path::Path;

use rusqlite::Connection;

use super::set::Set;

/// Articles in a table of FTS5.
pub struct Baseline(Connection);

impl Baseline {
    /// Puts the articles of a set into a new file.
    pub fn build(file: &Path, set: &Set) -> rusqlite::Result<Self> {
        let mut connection = Connection::open(file)?;
        let transaction = connection.transaction()?;
        transaction.execute_batch("CREATE VIRTUAL TABLE docs USING fts5(title, body)")?;
        for (row, doc) in (0_i64..).zip(&set.docs) {
            transaction
                .prepare_cached("INSERT INTO docs (rowid, title, body) VALUES (?1, ?2, ?3)")?
                .execute((row, &doc.title, &doc.body))?;
        }
        transaction.commit()?;
        Ok(Self(connection))
    }

    /// The rows that fit best, best first.
    pub fn search(&self, query: &str, limit: usize) -> rusqlite::Result<Vec<i64>> {
        let words = query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let expression = words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR ");
        if expression.is_empty() {
            return Ok(Vec::new());
        }
        self.0
            .prepare_cached("SELECT rowid FROM docs WHERE docs MATCH ?1 ORDER BY rank LIMIT ?2")?
            .query_map((expression, i64::try_from(limit).unwrap_or(i64::MAX)), |row| row.get(0))?
            .collect()
    }
}
