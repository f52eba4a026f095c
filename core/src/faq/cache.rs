//! The cached publications: queries and changes of `faq.sqlite3`. A publication is applied with its search index in one
//! transaction, or not at all; whoever reads meanwhile reads the state before it.

use beistand_protocol::UnixMillis;
use beistand_protocol::faq::{Article, ArticleId, Collection, CollectionId, Contents, Locale};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

use super::build::Build;
use super::index::{Entry, Index};
use super::markdown;
use super::verify::{FaqError, Trusted};
use crate::error::StoreError;
use crate::store::open::Kind;

/// The file. One reader suffices: a search takes milliseconds, and each connection costs memory.
pub(crate) static KIND: Kind = Kind { migrations: &[include_str!("migrations/0001.sql")], cache: true, readers: 1 };

/// Room that an earlier publication left behind is kept for the next one up to this size, and given back above it.
const SPARE_BYTES: i64 = 2 * 1024 * 1024;

/// A cached language.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cached {
    pub number: i64,
    pub locale: Locale,
    pub version: u64,
    pub default_locale: Option<Locale>,
    pub etag: Option<String>,
    pub checked_at: Option<UnixMillis>,
    pub articles: u32,
}

impl Cached {
    pub fn index(&self) -> Index {
        Index::new(self.number, &self.locale)
    }
}

/// What is cached, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Shelf {
    /// The languages, the one used last first.
    pub cached: Vec<Cached>,
    /// A person's tag, and the language that the server gave for it.
    asked: Vec<(Locale, Locale)>,
}

impl Shelf {
    /// Reads it.
    pub fn read(connection: &Connection) -> Result<Self, StoreError> {
        // A tag that cannot be read keeps the others from nobody.
        let mut shelf = Self::default();
        let mut statement = connection.prepare_cached(
            "SELECT locale, number, version, default_locale, etag, checked_at,
               (SELECT count(*) FROM articles WHERE articles.locale = locales.number)
             FROM locales ORDER BY used_at DESC, number",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Ok(locale) = row.get::<_, String>(0)?.parse() else { continue };
            shelf.cached.push(Cached {
                locale,
                number: row.get(1)?,
                version: row.get(2)?,
                default_locale: row.get::<_, Option<String>>(3)?.and_then(|tag| tag.parse().ok()),
                etag: row.get(4)?,
                checked_at: row.get::<_, Option<i64>>(5)?.map(UnixMillis),
                articles: row.get(6)?,
            });
        }
        let mut statement = connection.prepare_cached("SELECT wanted, locale FROM asked")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let (Ok(wanted), Ok(locale)) = (row.get::<_, String>(0)?.parse(), row.get::<_, String>(1)?.parse()) {
                shelf.asked.push((wanted, locale));
            }
        }
        Ok(shelf)
    }

    /// The tags of all cached languages.
    pub fn locales(&self) -> Vec<Locale> {
        self.cached.iter().map(|cached| cached.locale.clone()).collect()
    }

    pub fn find(&self, locale: &Locale) -> Option<&Cached> {
        self.cached.iter().find(|cached| cached.locale == *locale)
    }

    /// The language that stands in for others, as the newest publication says.
    pub fn default_locale(&self) -> Option<&Locale> {
        self.cached.iter().max_by_key(|cached| cached.version).and_then(|cached| cached.default_locale.as_ref())
    }

    /// What the server gave for a tag, if it is still here.
    fn given(&self, wanted: &Locale) -> Option<&Cached> {
        self.asked.iter().find(|(asked, _)| asked == wanted).and_then(|(_, given)| self.find(given))
    }

    /// What a person reads who wants a language: exactly that, what the server gave for it, or the nearest.
    pub fn resolve(&self, wanted: &Locale) -> Option<&Cached> {
        self.find(wanted).or_else(|| self.given(wanted)).or_else(|| {
            let locales = self.locales();
            wanted.best_of(&locales, self.default_locale()).and_then(|best| self.find(best))
        })
    }

    /// When the server was last asked for this tag; none if it never was.
    pub fn checked_at(&self, wanted: &Locale) -> Option<UnixMillis> {
        self.find(wanted).or_else(|| self.given(wanted)).and_then(|cached| cached.checked_at)
    }
}

/// Where a publication comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// The app carries it.
    Seed,
    /// The server gave it for this tag.
    Server { wanted: Locale, etag: Option<String> },
}

/// What may take room, and who must not lose it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// Bytes of the file.
    pub most: u64,
    /// What the person reads now is never evicted.
    pub wanted: Locale,
}

/// Applies a publication with its index; run inside a transaction. Nothing happens if this version is here already.
pub(crate) fn apply(
    connection: &Connection,
    trusted: &Trusted,
    source: &Source,
    now: UnixMillis,
    room: &Room,
    build: &Build,
) -> Result<(), StoreError> {
    let locale = &trusted.header.locale;
    let shelf = Shelf::read(connection)?;
    let have = shelf.find(locale);
    let number = match (have, &trusted.contents) {
        (Some(have), _) if have.version > trusted.header.version => return Err(FaqError::Older.into()),
        (Some(have), _) if have.version == trusted.header.version => have.number,
        (_, Contents::Bundle(bundle)) => {
            let number = begin(connection, locale, have)?;
            let index = Index::new(number, locale);
            index.create(connection)?;
            let articles = Articles { connection, number, locale, index: &index };
            articles.learn(&bundle.articles, build)?;
            articles.put_all(&bundle.articles, build)?;
            articles.publish(&bundle.collections, bundle.default_locale.as_ref(), trusted.header.version)?;
            number
        }
        (Some(have), Contents::Delta { from, delta }) if have.version == *from => {
            let index = have.index();
            let articles = Articles { connection, number: have.number, locale, index: &index };
            for id in &delta.tombstones {
                articles.remove(id)?;
            }
            articles.put_all(&delta.upserts, build)?;
            articles.publish(&delta.collections, delta.default_locale.as_ref(), trusted.header.version)?;
            have.number
        }
        (_, Contents::Delta { .. }) => return Err(FaqError::OtherBase.into()),
    };
    if let Source::Server { wanted, etag } = source {
        connection
            .prepare_cached("UPDATE locales SET etag = ?, checked_at = ?, used_at = max(used_at, ?) WHERE number = ?")?
            .execute(params![etag, now.0, now.0, number])?;
        given(connection, wanted, locale)?;
        connection.prepare_cached("DELETE FROM evicted WHERE locale = ?")?.execute([locale.as_str()])?;
    }
    make_room(connection, room)
}

/// Takes up what the server gave for a tag.
fn given(connection: &Connection, wanted: &Locale, locale: &Locale) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO asked (wanted, locale) VALUES (?, ?)")?
        .execute([wanted.as_str(), locale.as_str()])?;
    Ok(())
}

/// The server said that what is here is the newest.
pub(crate) fn checked(connection: &Connection, wanted: &Locale, now: UnixMillis) -> Result<(), StoreError> {
    let shelf = Shelf::read(connection)?;
    let Some(have) = shelf.resolve(wanted) else { return Ok(()) };
    connection
        .prepare_cached("UPDATE locales SET checked_at = ?, used_at = max(used_at, ?) WHERE number = ?")?
        .execute(params![now.0, now.0, have.number])?;
    given(connection, wanted, &have.locale)
}

/// Somebody reads in this language.
pub(crate) fn used(connection: &Connection, wanted: &Locale, now: UnixMillis) -> Result<(), StoreError> {
    let shelf = Shelf::read(connection)?;
    let Some(have) = shelf.resolve(wanted) else { return Ok(()) };
    connection
        .prepare_cached("UPDATE locales SET used_at = max(used_at, ?) WHERE number = ?")?
        .execute(params![now.0, have.number])?;
    Ok(())
}

/// Whether a seed is worth applying.
pub(crate) fn wants_seed(
    connection: &Connection,
    locale: &Locale,
    version: u64,
    wanted: &Locale,
) -> Result<bool, StoreError> {
    let shelf = Shelf::read(connection)?;
    if let Some(have) = shelf.find(locale) {
        return Ok(have.version < version);
    }
    let evicted: Option<u64> = connection
        .prepare_cached("SELECT version FROM evicted WHERE locale = ?")?
        .query_row([locale.as_str()], |row| row.get(0))
        .optional()?;
    // What the person reads comes back whatever made room for others.
    Ok(evicted.is_none_or(|evicted| evicted < version) || wanted.chain().any(|tag| tag == *locale))
}

/// A place for a whole publication, instead of the one that is there.
fn begin(connection: &Connection, locale: &Locale, have: Option<&Cached>) -> Result<i64, StoreError> {
    let used_at: i64 = match have {
        None => 0,
        Some(have) => {
            let used_at = connection
                .prepare_cached("SELECT used_at FROM locales WHERE number = ?")?
                .query_row([have.number], |row| row.get(0))?;
            forget(connection, have)?;
            used_at
        }
    };
    connection
        .prepare_cached("INSERT INTO locales (locale, version, used_at) VALUES (?, 0, ?)")?
        .execute(params![locale.as_str(), used_at])?;
    Ok(connection.last_insert_rowid())
}

fn forget(connection: &Connection, have: &Cached) -> Result<(), StoreError> {
    have.index().drop(connection)?;
    connection.prepare_cached("DELETE FROM locales WHERE number = ?")?.execute([have.number])?;
    Ok(())
}

/// Evicts whole languages, the one that was not read for longest first, until the file fits.
fn make_room(connection: &Connection, room: &Room) -> Result<(), StoreError> {
    loop {
        if used_bytes(connection)? <= room.most {
            break;
        }
        let shelf = Shelf::read(connection)?;
        let kept = shelf.resolve(&room.wanted).map(|cached| cached.number);
        let Some(goes) = shelf.cached.iter().rev().find(|cached| Some(cached.number) != kept) else { break };
        forget(connection, goes)?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO evicted (locale, version) VALUES (?, ?)")?
            .execute(params![goes.locale.as_str(), goes.version])?;
        tracing::info!(locale = %goes.locale, "a language of the FAQ was evicted");
    }
    let (page, free) = (pragma(connection, "page_size")?, pragma(connection, "freelist_count")?);
    if page.saturating_mul(free) > SPARE_BYTES {
        // Each step gives back one page.
        connection.pragma(None, "incremental_vacuum", free, |_| Ok(()))?;
    }
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}

fn used_bytes(connection: &Connection) -> Result<u64, StoreError> {
    let used = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
    Ok(u64::try_from(used.saturating_mul(pragma(connection, "page_size")?)).unwrap_or(0))
}

/// What a reader sees of an article's body.
pub(crate) fn text_of(article: &Article) -> String {
    markdown::plain(&markdown::blocks(&article.body, &article.images))
}

fn entry<'a>(row: i64, article: &'a Article, text: &'a str) -> Entry<'a> {
    Entry { row, title: &article.title, also_asked_as: &article.also_asked_as, text }
}

/// The articles of one language while they change, together with their index.
struct Articles<'a> {
    connection: &'a Connection,
    number: i64,
    locale: &'a Locale,
    index: &'a Index,
}

impl Articles<'_> {
    fn row_of(&self, id: &ArticleId) -> Result<Option<i64>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT number FROM articles WHERE locale = ? AND id = ?")?
            .query_row(params![self.number, id.as_str()], |row| row.get(0))
            .optional()?)
    }

    fn remove(&self, id: &ArticleId) -> Result<(), StoreError> {
        let Some(row) = self.row_of(id)? else { return Ok(()) };
        self.index.remove(self.connection, row)?;
        self.connection.prepare_cached("DELETE FROM articles WHERE number = ?")?.execute([row])?;
        Ok(())
    }

    /// The index takes words apart by those of all articles, so it sees all before it gets the first. Of changes it knows
    /// the others already.
    fn learn(&self, articles: &[Article], build: &Build) -> Result<(), StoreError> {
        for article in articles {
            build.go_on()?;
            self.index.learn(&entry(0, article, &text_of(article)));
        }
        Ok(())
    }

    fn put_all(&self, articles: &[Article], build: &Build) -> Result<(), StoreError> {
        for (done, article) in articles.iter().enumerate() {
            build.step(self.locale, done, articles.len())?;
            self.put(article)?;
        }
        self.index.finish(self.connection)?;
        Ok(build.step(self.locale, articles.len(), articles.len())?)
    }

    fn put(&self, article: &Article) -> Result<(), StoreError> {
        let json = |value: serde_json::Result<String>| value.map_err(|_| StoreError::Value("an article"));
        // An id that comes twice in one publication means its last article.
        let row = self.row_of(&article.id)?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO articles (number, locale, id, collection, position, title, body, also_asked_as, tags,
                   images, version, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                row,
                self.number,
                article.id.as_str(),
                article.collection.as_ref().map(CollectionId::as_str),
                article.position,
                article.title,
                article.body,
                json(serde_json::to_string(&article.also_asked_as))?,
                json(serde_json::to_string(&article.tags))?,
                json(serde_json::to_string(&article.images))?,
                i64::try_from(article.version).unwrap_or(i64::MAX),
                article.updated_at.0,
            ])?;
        let row = row.unwrap_or_else(|| self.connection.last_insert_rowid());
        Ok(self.index.put(self.connection, &entry(row, article, &text_of(article)))?)
    }

    fn publish(
        &self,
        collections: &[Collection],
        default_locale: Option<&Locale>,
        version: u64,
    ) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM collections WHERE locale = ?")?.execute([self.number])?;
        let mut insert = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO collections (locale, id, title, description, position) VALUES (?, ?, ?, ?, ?)",
        )?;
        for collection in collections {
            insert.execute(params![
                self.number,
                collection.id.as_str(),
                collection.title,
                collection.description,
                collection.position
            ])?;
        }
        self.connection
            .prepare_cached("UPDATE locales SET version = ?, default_locale = ?, etag = NULL WHERE number = ?")?
            .execute(params![
                i64::try_from(version).unwrap_or(i64::MAX),
                default_locale.map(Locale::as_str),
                self.number
            ])?;
        Ok(())
    }
}

const COLUMNS: &str =
    "id, collection, position, title, body, also_asked_as, tags, images, version, updated_at, number, locale";

fn read_article(row: &Row<'_>) -> Result<Article, StoreError> {
    let broken = |_| StoreError::Value("an article");
    Ok(Article {
        id: row.get::<_, String>(0)?.try_into().map_err(|_| StoreError::Value("an article's id"))?,
        collection: row.get::<_, Option<String>>(1)?.and_then(|id| id.try_into().ok()),
        position: row.get(2)?,
        title: row.get(3)?,
        body: row.get(4)?,
        also_asked_as: json(row, 5)?,
        tags: json(row, 6)?,
        images: json(row, 7)?,
        version: u64::try_from(row.get::<_, i64>(8)?).map_err(broken)?,
        updated_at: UnixMillis(row.get(9)?),
    })
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| StoreError::Value("an article"))
}

/// The languages that have an article.
pub(crate) fn locales_with(connection: &Connection, shelf: &Shelf, id: &ArticleId) -> Result<Vec<Locale>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT locale FROM articles WHERE id = ?")?;
    let mut rows = statement.query([id.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        found.extend(shelf.cached.iter().find(|cached| cached.number == number).map(|cached| cached.locale.clone()));
    }
    Ok(found)
}

/// An article in one language.
pub(crate) fn article(connection: &Connection, number: i64, id: &ArticleId) -> Result<Option<Article>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM articles WHERE locale = ? AND id = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![number, id.as_str()])?;
    rows.next()?.map(read_article).transpose()
}

/// An article by its number in the index.
pub(crate) fn by_row(connection: &Connection, row: i64) -> Result<Option<Article>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM articles WHERE number = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([row])?;
    rows.next()?.map(read_article).transpose()
}

/// The collections of a language, each with the number of its articles.
pub(crate) fn collections(connection: &Connection, number: i64) -> Result<Vec<(Collection, u32)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, title, description, position,
           (SELECT count(*) FROM articles WHERE locale = ?1 AND articles.collection = collections.id)
         FROM collections WHERE locale = ?1 ORDER BY position, title, id",
    )?;
    let mut rows = statement.query([number])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(id) = row.get::<_, String>(0)?.try_into() else { continue };
        let collection = Collection { id, title: row.get(1)?, description: row.get(2)?, position: row.get(3)? };
        found.push((collection, row.get(4)?));
    }
    Ok(found)
}

/// Ids and titles of the articles of a collection, or of all; in the editors' order.
pub(crate) fn titles(
    connection: &Connection,
    number: i64,
    collection: Option<&CollectionId>,
) -> Result<Vec<(ArticleId, Option<CollectionId>, String)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, collection, title FROM articles WHERE locale = ?1 AND (?2 IS NULL OR collection = ?2)
         ORDER BY position, title, id",
    )?;
    let mut rows = statement.query(params![number, collection.map(CollectionId::as_str)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(id) = row.get::<_, String>(0)?.try_into() else { continue };
        let collection = row.get::<_, Option<String>>(1)?.and_then(|id| id.try_into().ok());
        found.push((id, collection, row.get(2)?));
    }
    Ok(found)
}
