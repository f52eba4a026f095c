//! Looking into the FAQ: searching, reading, listing; and telling whether an article helped.

use beistand_core::faq::{ArticleEntry, ArticleView, FaqStatus, SearchOptions};
use beistand_core::protocol::faq::{ArticleId, CollectionId, Locale};
use serde_json::json;

use super::{Reader, args::Rate, columns, draw, hits};
use crate::{
    exit::{Exit, Failure},
    harmless, input, json as shapes,
};

impl Reader<'_> {
    pub(super) async fn search(
        self,
        query: &str,
        locale: Option<Locale>,
        limit: usize,
        typing: bool,
    ) -> Result<(), Failure> {
        let query = input::text(query)?;
        let status = self.ready(locale.as_ref()).await?;
        let results = self.faq.search(&query, SearchOptions { limit, locale, typing }).await?;
        let ink = self.output.ink();
        for hit in &results.hits {
            self.output.tell(|| hits::document(hit), |width| hits::text(hit, width, ink))?;
        }
        if results.hits.is_empty() {
            let said = match &results.locale_used {
                Some(locale) => format!("No article fits ({locale}). {ASK}"),
                None => none_at_all(&status),
            };
            self.output.tell_person(|_| said)?;
        }
        Ok(())
    }

    pub(super) async fn suggest(self, text: &str, locale: Option<Locale>) -> Result<(), Failure> {
        let text = input::text(text)?;
        let status = self.ready(locale.as_ref()).await?;
        let found = self.faq.suggest(&text).await?;
        let ink = self.output.ink();
        for hit in &found {
            self.output.tell(|| hits::document(hit), |width| hits::text(hit, width, ink))?;
        }
        if found.is_empty() {
            let said = if status.locale.is_some() {
                format!("No article is near enough to be suggested. {ASK}")
            } else {
                none_at_all(&status)
            };
            self.output.tell_person(|_| said)?;
        }
        Ok(())
    }

    pub(super) async fn show(self, id: &ArticleId, locale: Option<Locale>) -> Result<(), Failure> {
        let article = self.article(id, locale.as_ref()).await?;
        let ink = self.output.ink();
        self.output.tell(
            || {
                let mut document = serde_json::to_value(&article).unwrap_or_default();
                document["updated_at"] = shapes::time(article.updated_at);
                document
            },
            |width| draw::article(&article, width, ink),
        )?;
        self.output.remark(&format!("Did it help? `beistand faq rate {id} --helpful`, or `--not-helpful`."));
        Ok(())
    }

    async fn article(&self, id: &ArticleId, locale: Option<&Locale>) -> Result<ArticleView, Failure> {
        self.ready(locale).await?;
        self.faq.article(id).await?.ok_or_else(|| {
            missing("There is no such article here. `beistand faq search` finds others; `beistand faq refresh` fetches what is new.")
        })
    }

    pub(super) async fn list(self, collection: Option<CollectionId>, locale: Option<Locale>) -> Result<(), Failure> {
        let status = self.ready(locale.as_ref()).await?;
        let collections = self.faq.collections().await?;
        if let Some(id) = collection {
            if collections.iter().all(|collection| collection.id != id) {
                return Err(missing("There is no such collection here. `beistand faq list` tells which there are."));
            }
            let articles = self.faq.articles(Some(&id)).await?;
            return tell_articles(self.output, &articles);
        }
        let mut all = self.faq.articles(None).await?;
        all.retain(|article| article.collection.is_none());
        if collections.is_empty() && all.is_empty() {
            return self.output.tell_person(|_| none_at_all(&status));
        }
        if self.output.is_json() {
            for collection in &collections {
                self.output.tell(|| json!({"collection": collection}), |_| String::new())?;
            }
        } else {
            let row = |collection: &beistand_core::faq::CollectionView| {
                let about = match harmless::line(&collection.description) {
                    description if description.is_empty() => String::new(),
                    description => format!("\n{description}"),
                };
                let articles = if collection.articles == 1 { "article" } else { "articles" };
                let title = harmless::line(&collection.title);
                (collection.id.to_string(), format!("{title} ({}\u{a0}{articles}){about}", collection.articles))
            };
            let rows: Vec<_> = collections.iter().map(row).collect();
            self.output.tell_person(|width| columns::beside(&rows, width))?;
        }
        tell_articles(self.output, &all)
    }

    pub(super) async fn rate(self, rating: Rate) -> Result<(), Failure> {
        let comment = rating.comment.as_deref().map(input::text).transpose()?;
        let article = self.article(&rating.article, rating.tongue.locale.as_ref()).await?;
        self.faq.rate(&article, rating.helpful, comment.as_deref()).await?;
        self.output.tell(
            || json!({"article": article.id, "locale": article.locale, "helpful": rating.helpful}),
            |_| "Thank you. The editors are told by itself: `beistand flush` waits for it.".into(),
        )
    }

    pub(super) async fn refresh(self, locale: Option<Locale>) -> Result<(), Failure> {
        if let Some(locale) = locale {
            self.faq.set_locale(locale).await?;
        }
        let before = self.faq.status().await?;
        self.faq.refresh().await?;
        let status = self.faq.status().await?;
        let changed = (&before.locale, before.version) != (&status.locale, status.version);
        self.output.tell(
            || {
                json!({
                    "result": "refreshed",
                    "locale": status.locale,
                    "version": status.version,
                    "articles": status.articles,
                    "changed": changed,
                })
            },
            |_| match &status.locale {
                None => none_at_all(&status),
                Some(locale) => {
                    let news = if changed { "What is new is here" } else { "Nothing is new" };
                    format!("{news}: {} articles ({locale}), version {}.", status.articles, status.version.unwrap_or(0))
                }
            },
        )
    }
}

/// Where a person helps.
const ASK: &str = "`beistand open` writes to a person.";

/// What to say if nobody has written an article.
fn none_at_all(status: &FaqStatus) -> String {
    match status.locale {
        Some(_) => format!("There is no article. {ASK}"),
        None => format!("The server has no articles. {ASK}"),
    }
}

fn missing(sentence: &str) -> Failure {
    Failure::new(Exit::NotFound, "not-found", sentence)
}

fn tell_articles(output: &mut crate::output::Output, articles: &[ArticleEntry]) -> Result<(), Failure> {
    if output.is_json() {
        for article in articles {
            output.tell(|| json!({"article": article}), |_| String::new())?;
        }
        return Ok(());
    }
    let rows: Vec<_> =
        articles.iter().map(|article| (article.id.to_string(), harmless::line(&article.title))).collect();
    output.tell_person(|width| columns::beside(&rows, width))
}
