//! The search index of one language: FTS5 tables beside the articles, in the same file and transactions.
//!
//! `faq_words_<n>` holds the terms of titles and bodies, stemmed by us, so that SQLite's tokenizer only cuts at spaces, and
//! not the text itself. The trigrams of titles are kept in memory, read from the articles themselves. Beware:
//! `detail=none` and `detail=column` make such a table smaller and `bm25` silently wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use beistand_protocol::faq::Locale;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::compound;
use super::query::{self, Query};
use super::snippet::Sought;
use super::suggest::{self, Evidence};
use super::text::{Analysis, Word, folded, joined};
use super::titles::Titles;
use super::vocabulary::{Meaning, Vocabulary};

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
    number: i64,
    words: String,
    analysis: Arc<Analysis>,
    /// What was read of it, and in which generation.
    known: Mutex<Option<(i64, Arc<Known>)>>,
    /// How often a batch of changes has each term, while it is written.
    learnt: Mutex<HashMap<String, u32>>,
}

/// What of an index is kept in memory.
struct Known {
    vocabulary: Vocabulary,
    titles: Titles,
}

/// Tells a process that keeps an index in memory that another one has changed it.
const STATE: &str =
    "CREATE TABLE IF NOT EXISTS faq_index_state (name TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;";

/// How far down a ranking is read before rankings are merged.
const DEPTH: usize = 100;

impl Index {
    /// The index number `number` in a file.
    pub fn new(number: i64, locale: &Locale) -> Self {
        Self {
            words: format!("faq_words_{number}"),
            number,
            analysis: Arc::new(Analysis::new(locale)),
            known: Mutex::new(None),
            learnt: Mutex::new(HashMap::new()),
        }
    }

    /// Makes its tables.
    pub fn create(&self, connection: &Connection) -> rusqlite::Result<()> {
        let words = &self.words;
        connection.execute_batch(&format!(
            "CREATE VIRTUAL TABLE {words} USING fts5(title, body, content='', contentless_delete=1, tokenize='ascii');
             CREATE VIRTUAL TABLE {words}_terms USING fts5vocab({words}, row);
             {STATE}
             INSERT OR REPLACE INTO faq_index_state VALUES ('{words}', abs(random()));"
        ))
    }

    /// Removes its tables.
    pub fn drop(&self, connection: &Connection) -> rusqlite::Result<()> {
        let words = &self.words;
        connection.execute_batch(&format!(
            "DROP TABLE IF EXISTS {words}_terms; DROP TABLE IF EXISTS {words};
             {STATE}
             DELETE FROM faq_index_state WHERE name = '{words}';"
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
            let known = self.known(connection)?;
            *self.learnt() = known.vocabulary.counts().collect();
        }
        let titles: Vec<Word> = entry.titles().flat_map(|title| self.analysis.words(title)).collect();
        let title = self.terms(&titles);
        let body = self.terms(&self.analysis.words(entry.text));
        connection
            .prepare_cached(&format!("INSERT OR REPLACE INTO {} (rowid, title, body) VALUES (?1, ?2, ?3)", self.words))?
            .execute(params![entry.row, title, body])?;
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
        let words = &self.words;
        connection.prepare_cached(&format!("DELETE FROM {words} WHERE rowid = ?1"))?.execute([row])?;
        Ok(())
    }

    /// Ends a batch of changes, in their transaction.
    pub fn finish(&self, connection: &Connection) -> rusqlite::Result<()> {
        let words = &self.words;
        *self.learnt() = HashMap::new();
        connection.execute_batch(&format!(
            "INSERT INTO {words} ({words}) VALUES ('optimize');
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
        let known = self.known(connection)?;
        let meaning = known.vocabulary.meaning(&self.analysis, &query.terms);
        self.find(connection, &query, &meaning, &known, limit)
    }

    /// What of a query is to be highlighted in these articles.
    pub fn sought(&self, query: &str) -> Sought {
        Sought::new(query, self.analysis.clone())
    }

    /// How near the nearest article is to a draft, offered or not: the logarithm of the odds.
    pub fn nearness(&self, connection: &Connection, draft: &str) -> rusqlite::Result<Option<f64>> {
        Ok(self.evidence(connection, draft, 1)?.first().map(|(_, evidence)| evidence.log_odds()))
    }

    /// Articles that may answer a draft, with the logarithm of the odds as score; none if nothing is near.
    pub fn suggest(&self, connection: &Connection, draft: &str, limit: usize) -> rusqlite::Result<Vec<Found>> {
        let mut near = Vec::new();
        for (row, evidence) in self.evidence(connection, draft, limit)? {
            let score = evidence.log_odds();
            if score >= suggest::THRESHOLD {
                near.push(Found { row, score });
            }
        }
        Ok(near)
    }

    /// What speaks for the articles that fit a draft best.
    fn evidence(&self, connection: &Connection, draft: &str, limit: usize) -> rusqlite::Result<Vec<(i64, Evidence)>> {
        let query = Query::new(&self.analysis, draft, false);
        let known = self.known(connection)?;
        let vocabulary = &known.vocabulary;
        let meaning = vocabulary.meaning(&self.analysis, &query.terms);
        let found = self.find(connection, &query, &meaning, &known, limit)?;
        let weights: Vec<f64> = meaning.terms.iter().map(|term| vocabulary.weight(term)).collect();
        let all = weights.iter().sum::<f64>() + suggest::UNKNOWN * f64::from(meaning.unknown) * vocabulary.weight("");
        let part = |have: f64| if all > 0.0 { have / all } else { 0.0 };
        let mut all_evidence = Vec::new();
        for Found { row, .. } in found {
            let (mut covered, mut in_title) = (0.0, 0.0);
            for (term, weight) in meaning.terms.iter().zip(&weights) {
                covered += if self.has(connection, row, "", term)? { *weight } else { 0.0 };
                in_title += if self.has(connection, row, "title : ", term)? { *weight } else { 0.0 };
            }
            let evidence = Evidence {
                known: (meaning.known + 0.5) / (f64::from(meaning.contents) + 1.0),
                covered: part(covered),
                in_title: part(in_title),
                words: meaning.words,
                contents: meaning.contents,
            };
            all_evidence.push((row, evidence));
        }
        Ok(all_evidence)
    }

    fn has(&self, connection: &Connection, row: i64, column: &str, term: &str) -> rusqlite::Result<bool> {
        let Some(expression) = query::expression(std::iter::once(term), None) else { return Ok(false) };
        let words = &self.words;
        connection
            .prepare_cached(&format!("SELECT 1 FROM {words} WHERE {words} MATCH ?1 AND rowid = ?2"))?
            .exists(params![format!("{column}{expression}"), row])
    }

    fn find(
        &self,
        connection: &Connection,
        query: &Query,
        meaning: &Meaning,
        known: &Known,
        limit: usize,
    ) -> rusqlite::Result<Vec<Found>> {
        let terms = known.vocabulary.affordable(&meaning.terms);
        let beginning = query.beginning.as_deref().filter(|part| terms.is_empty() || known.vocabulary.affords(part));
        let by_words = ranked(connection, &self.words, query::expression(terms.into_iter(), beginning))?;
        let mut by_title = known.titles.like(meaning.spelt.iter().map(String::as_str), DEPTH);
        // Where words find enough, letters only change the order. Where they do not, letters alone bring up anything.
        if by_words.len() < limit {
            by_title.retain(|title| title.is_alike || by_words.iter().any(|(row, _)| *row == title.row));
        }
        let by_title: Vec<(i64, f64)> = by_title.into_iter().map(|title| (title.row, title.score)).collect();
        let fused = query::fuse(&[&by_words, &by_title], limit);
        Ok(fused.into_iter().map(|(row, score)| Found { row, score }).collect())
    }

    /// All terms and titles of the index, read once and again after each change.
    fn known(&self, connection: &Connection) -> rusqlite::Result<Arc<Known>> {
        let generation = connection
            .prepare_cached("SELECT generation FROM faq_index_state WHERE name = ?1")?
            .query_row([&self.words], |row| row.get(0))
            .optional()?
            .unwrap_or_default();
        let mut kept = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = kept.as_ref().filter(|(at, _)| *at == generation) {
            return Ok(known.clone());
        }
        let mut statement = connection.prepare(&format!("SELECT term, doc FROM {}_terms", self.words))?;
        let terms = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        let mut statement = connection.prepare(
            "SELECT number, title, value FROM articles LEFT JOIN json_each(also_asked_as) WHERE locale = ?1",
        )?;
        let mut titles: Vec<(i64, String)> = Vec::new();
        let mut rows = statement.query([self.number])?;
        while let Some(row) = rows.next()? {
            let (number, title, phrase): (i64, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            // One row for each phrase; the first one brings the title as well.
            if titles.last().is_none_or(|(last, _)| *last != number) {
                titles.push((number, folded(&title)));
            }
            if let (Some((_, all)), Some(phrase)) = (titles.last_mut(), phrase) {
                all.push(' ');
                all.push_str(&folded(&phrase));
            }
        }
        let all = u32::try_from(titles.len()).unwrap_or(u32::MAX);
        let titles = Titles::new(titles.iter().map(|(row, folded)| (*row, folded.as_str())));
        let fresh = Arc::new(Known { vocabulary: Vocabulary::new(terms, all), titles });
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Shelf(Connection, Index);

    fn shelf(language: &str, articles: &[(&str, &str)]) -> Shelf {
        let shelf = Shelf(Connection::open_in_memory().unwrap(), Index::new(7, &language.parse().unwrap()));
        let Shelf(connection, index) = &shelf;
        let table = "CREATE TABLE articles (number INTEGER PRIMARY KEY, locale, title, also_asked_as)";
        connection.execute_batch(table).unwrap();
        index.create(connection).unwrap();
        let entries: Vec<_> =
            (0..).zip(articles).map(|(row, (title, text))| Entry { row, title, also_asked_as: &[], text }).collect();
        entries.iter().for_each(|entry| index.learn(entry));
        entries.iter().for_each(|entry| shelf.put(entry));
        index.finish(connection).unwrap();
        shelf
    }

    impl Shelf {
        fn put(&self, entry: &Entry<'_>) {
            let phrases = serde_json::to_string(entry.also_asked_as).unwrap();
            let stored = "INSERT OR REPLACE INTO articles VALUES (?1, 7, ?2, ?3)";
            self.0.execute(stored, params![entry.row, entry.title, phrases]).unwrap();
            self.1.put(&self.0, entry).unwrap();
        }

        fn rows(&self, query: &str, typing: bool) -> Vec<i64> {
            self.1.search(&self.0, query, typing, 5).unwrap().iter().map(|found| found.row).collect()
        }

        fn first(&self, query: &str) -> Option<i64> {
            self.rows(query, false).first().copied()
        }
    }

    fn german() -> Shelf {
        shelf(
            "de",
            &[
                ("Wie lange dauert die Lieferung?", "Pakete sind zwei bis drei Werktage unterwegs, in jede Straße."),
                ("Wie schicke ich etwas zurück?", "Sie bekommen einen Code. Das Etikett druckt der Paketshop."),
                ("Welche Größe passt mir?", "Messen Sie Brust, Taille und Hüfte."),
                ("Wie löse ich einen Gutschein ein?", "Geben Sie den Code an der Kasse ein."),
                ("Was gilt für die Rücksendung?", "Dreißig Tage, mit allen Etiketten, in der Verpackung."),
            ],
        )
    }

    #[test]
    fn strasse_is_found_as_straße() {
        let shelf = german();
        for query in ["strasse", "Straße", "STRASSE", "Straßen"] {
            assert_eq!(shelf.first(query), Some(0), "{query}");
        }
    }

    #[test]
    fn groesse_is_found_as_größe() {
        let shelf = german();
        for query in ["groesse", "grosse", "Größe", "GRÖSSE", "grösse", "Gro\u{308}ße", "größen", "welche groessen"]
        {
            assert_eq!(shelf.first(query), Some(2), "{query}");
        }
    }

    #[test]
    fn zurückschicken_finds_rücksendung_and_the_other_way_round() {
        let shelf = german();
        for query in ["zurückschicken", "zurueckschicken", "zurück schicken", "Rücksendung", "ruecksendung"] {
            let rows = shelf.rows(query, false);
            assert!(rows.contains(&1) && rows.contains(&4), "{query}: {rows:?}");
            assert!([1, 4].contains(&rows[0]), "{query}: {rows:?}");
        }
    }

    #[test]
    fn a_compound_finds_its_parts() {
        let shelf = german();
        assert_eq!(shelf.first("Lieferungsdauer"), Some(0));
        assert_eq!(shelf.first("Gutscheincode"), Some(3));
    }

    #[test]
    fn a_word_is_found_while_it_grows() {
        let shelf = german();
        for query in ["gu", "gut", "guts", "gutsch", "gutschein"] {
            assert_eq!(shelf.rows(query, true).first(), Some(&3), "{query}");
        }
    }

    #[test]
    fn a_slip_is_forgiven() {
        let shelf = german();
        for query in ["Gutshcein", "Gutschin", "Gutscheein", "Gutscgein"] {
            assert_eq!(shelf.first(query), Some(3), "{query}");
        }
    }

    #[test]
    fn languages_without_spaces_are_found() {
        let japanese =
            shelf("ja", &[("返品したいときは", "三十日以内に"), ("送料はいくらですか", "四千円から無料です")]);
        assert_eq!(
            (japanese.first("返品"), japanese.first("送料無料"), japanese.first("返")),
            (Some(0), Some(1), Some(0))
        );
        let chinese = shelf("zh", &[("如何退货", "三十天内"), ("运费是多少", "满额免费")]);
        assert_eq!((chinese.first("退货"), chinese.first("运费")), (Some(0), Some(1)));
        let thai = shelf("th", &[("คืนสินค้าอย่างไร", "ภายในสามสิบวัน"), ("ค่าจัดส่งเท่าไร", "ส่งฟรี")]);
        assert_eq!((thai.first("คืนสินค้า"), thai.first("ค่าส่ง")), (Some(0), Some(1)));
    }

    #[test]
    fn an_article_that_changes_is_found_by_its_new_words_only() {
        let shelf = german();
        let changed =
            Entry { row: 3, title: "Kann ich anprobieren?", also_asked_as: &["Umkleide".into()], text: "Ja." };
        shelf.put(&changed);
        shelf.0.execute("DELETE FROM articles WHERE number = 2", []).unwrap();
        shelf.1.remove(&shelf.0, 2).unwrap();
        shelf.1.finish(&shelf.0).unwrap();
        assert_eq!(shelf.first("anprobieren"), Some(3));
        assert_eq!(shelf.first("Umkleide"), Some(3));
        assert_eq!(shelf.rows("Gutschein", false), [0_i64; 0]);
        assert!(!shelf.rows("Größe", false).contains(&2));
    }

    #[test]
    fn a_draft_about_something_else_gets_nothing() {
        let Shelf(connection, index) = german();
        let suggest = |draft: &str| index.suggest(&connection, draft, 3).unwrap();
        assert_eq!(suggest("Ich weiß nicht, welche Größe mir passt.").first().map(|found| found.row), Some(2));
        assert_eq!(suggest("Mein Router verliert nachts die Verbindung zum Internet."), []);
        assert_eq!(suggest(""), []);
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]
        #[test]
        fn every_text_is_a_legal_query(
            query in proptest::prop_oneof![
                "\\PC{0,60}",
                "([\"*^:+(){}-]|AND |OR |NOT |NEAR/2|title ?: ?|[a-z]{1,8}| |\n|\t|\u{0})*",
                "([🧥👗🏽\u{200d}\u{fe0f}אבגדه\u{202e}]| )*",
            ],
            times in proptest::sample::select(vec![1_usize, 1, 1, 400]),
            typing: bool,
        ) {
            let Shelf(connection, index) = german();
            let query: String = query.repeat(times).chars().take(10_000).collect();
            index.search(&connection, &query, typing, 5).unwrap();
            index.suggest(&connection, &query, 3).unwrap();
        }
    }
}
