//! A folder of Markdown as editors keep it beside their code:
//!
//! ```text
//! faq.toml                        optional: default_locale = "de"
//! images/size.png                 anywhere; articles name it by its path
//! de/returns/_collection.md       title and position; the body is its one line of description
//! de/returns/how-to-return.md     an article of the collection `returns`
//! de/imprint.md                   an article of no collection
//! ```

use std::collections::{BTreeMap, BTreeSet};

use beistand_protocol::{
    UnixMillis,
    faq::{ArticleId, ArticleImage, Collection, CollectionId, Locale},
    limits::FAQ_IMAGE_BYTES,
};
use serde::Deserialize;

use super::{
    fault::{Fault, Faults},
    front_matter::{self, ArticleMatter, CollectionMatter},
    links, picture,
    source::{Entry, Source, join, resolve},
};
use crate::store::faq::{ArticleDraft, FaqImage, FaqImport, LocaleImport};

/// Bytes of one text: the longest allowed body in any script, and its front matter.
const TEXT_BYTES: u64 = 1024 * 1024;

/// What the settings of a folder are in.
pub(super) const SETTINGS: &str = "faq.toml";

/// What a collection is described in.
pub(super) const COLLECTION: &str = "_collection.md";

/// The settings of a folder.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    default_locale: Option<Locale>,
}

/// Reads a folder. `known` are articles that links may lead to besides those of the folder. Every fault is found before
/// any is told.
pub fn read(source: &dyn Source, known: &BTreeSet<ArticleId>) -> Result<FaqImport, Faults> {
    let mut reading = Reading { source, faults: Faults::default(), import: FaqImport::default(), pages: Vec::new() };
    reading.settings();
    for entry in reading.list("") {
        reading.locale_folder(&entry);
    }
    if reading.import.locales.is_empty() && reading.faults.0.is_empty() {
        return Err(Fault::new(".", "no folder of a language with articles (such as de/) is in it").into());
    }
    reading.link(known);
    let Reading { faults, import, .. } = reading;
    faults.unless_any(import)
}

/// An article and where it was read.
struct Page {
    path: String,
    /// The line of the file on which its body begins.
    body_line: usize,
    locale: Locale,
    draft: ArticleDraft,
}

struct Reading<'a> {
    source: &'a dyn Source,
    faults: Faults,
    import: FaqImport,
    pages: Vec<Page>,
}

impl Reading<'_> {
    fn list(&mut self, path: &str) -> Vec<Entry> {
        self.source.list(path).unwrap_or_else(|fault| {
            self.faults.push(fault);
            Vec::new()
        })
    }

    /// A text; `None` if there is none, or a fault.
    fn text(&mut self, path: &str) -> Option<String> {
        match self.source.read(path, TEXT_BYTES) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes?);
                text.map_err(|error| {
                    let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n');
                    self.faults.push(Fault::at(path, line.count() + 1, "the text is not UTF-8"));
                })
                .ok()
            }
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn settings(&mut self) {
        let Some(text) = self.text(SETTINGS) else { return };
        match toml::from_str::<Settings>(&text) {
            Ok(settings) => self.import.default_locale = settings.default_locale,
            Err(error) => {
                let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
                self.faults.push(Fault::at(SETTINGS, line, error.message()));
            }
        }
    }

    fn locale_folder(&mut self, folder: &Entry) {
        let Entry { name, is_folder: true } = folder else { return };
        // Pictures and notes may lie beside the languages.
        let is_tag = name.split(['-', '_']).next().is_some_and(|language| matches!(language.len(), 2 | 3));
        let Some(locale) = name.parse::<Locale>().ok().filter(|_| is_tag) else {
            if self.holds_articles(name) {
                self.faults
                    .push(Fault::new(name, "holds articles, but its name is no language tag such as de or de-AT"));
            }
            return;
        };
        if self.import.locales.contains_key(&locale) {
            self.faults.push(Fault::new(name, format!("another folder holds the language {locale} already")));
            return;
        }
        let entries = self.list(name);
        if !self.holds_articles(name) {
            return;
        }
        self.import.locales.insert(locale.clone(), LocaleImport::default());
        for entry in entries {
            let path = join(name, &entry.name);
            if entry.is_folder {
                self.collection_folder(&locale, &path, &entry.name);
            } else if let Some(stem) = entry.name.strip_suffix(".md") {
                if entry.name == COLLECTION {
                    self.faults.push(Fault::new(&path, "belongs into the folder of a collection"));
                    continue;
                }
                self.article(&locale, None, &path, stem);
            }
        }
    }

    /// Whether a folder or one directly in it has a text of Markdown.
    fn holds_articles(&mut self, path: &str) -> bool {
        let entries = self.list(path);
        let has_text = |entries: &[Entry]| entries.iter().any(|entry| !entry.is_folder && entry.name.ends_with(".md"));
        has_text(&entries)
            || entries
                .iter()
                .any(|entry| entry.is_folder && self.source.list(&join(path, &entry.name)).is_ok_and(|e| has_text(&e)))
    }

    fn collection_folder(&mut self, locale: &Locale, path: &str, name: &str) {
        let entries = self.list(path);
        if !self.holds_articles(path) {
            return;
        }
        let Ok(id) = name.parse::<CollectionId>() else {
            self.faults
                .push(Fault::new(path, "the name of a collection's folder is its id: letters, digits, . - and _"));
            return;
        };
        let description = join(path, COLLECTION);
        if entries.iter().all(|entry| entry.name != COLLECTION) {
            self.faults.push(Fault::new(&description, "is missing: it gives the collection its title"));
        } else if let Some(text) = self.text(&description) {
            self.collection(locale, &description, id.clone(), &text);
        }
        for entry in entries {
            let path = join(path, &entry.name);
            if entry.is_folder {
                if self.holds_articles(&path) {
                    self.faults.push(Fault::new(&path, "a collection holds no collections"));
                }
            } else if let Some(stem) = entry.name.strip_suffix(".md").filter(|_| entry.name != COLLECTION) {
                self.article(locale, Some(id.clone()), &path, stem);
            }
        }
    }

    fn collection(&mut self, locale: &Locale, path: &str, id: CollectionId, text: &str) {
        let (matter, body, line) = match front_matter::read::<CollectionMatter>(path, text) {
            Ok(read) => read,
            Err(fault) => return self.faults.push(fault),
        };
        let description = body.trim().to_owned();
        if description.contains('\n') {
            self.faults.push(Fault::at(path, line, "description: one line is allowed"));
        }
        let collection = Collection { id, title: matter.title, description, position: matter.position };
        if let Err(fault) = collection.check() {
            self.faults.push(Fault::new(path, fault.to_string()));
        }
        if let Some(of_locale) = self.import.locales.get_mut(locale) {
            of_locale.collections.push(collection);
        }
    }

    fn article(&mut self, locale: &Locale, collection: Option<CollectionId>, path: &str, stem: &str) {
        let Some(text) = self.text(path) else { return };
        let (matter, body, body_line) = match front_matter::read::<ArticleMatter>(path, &text) {
            Ok(read) => read,
            Err(fault) => return self.faults.push(fault),
        };
        let named = matter.id.as_deref().unwrap_or(stem);
        let Ok(id) = named.parse::<ArticleId>() else {
            let from = if matter.id.is_some() { "id" } else { "the name of the file is its id" };
            self.faults.push(Fault::new(path, format!("{from}: {}", beistand_protocol::faq::NotAnId)));
            return;
        };
        if let Some(other) = self.pages.iter().find(|page| page.locale == *locale && page.draft.id == id) {
            self.faults.push(Fault::new(path, format!("id: {} has the id {id} already", other.path)));
            return;
        }
        let draft = ArticleDraft {
            id,
            collection,
            position: matter.position,
            title: matter.title,
            body: body.trim_end().to_owned(),
            also_asked_as: matter.also_asked_as,
            tags: matter.tags,
            images: Vec::new(),
            withheld: matter.draft,
        };
        self.pages.push(Page { path: path.to_owned(), body_line, locale: locale.clone(), draft });
    }

    /// Follows the links and pictures of all pages, once all of them are known.
    fn link(&mut self, known: &BTreeSet<ArticleId>) {
        let pages = std::mem::take(&mut self.pages);
        let by_path: BTreeMap<String, ArticleId> =
            pages.iter().map(|page| (page.path.clone(), page.draft.id.clone())).collect();
        let ids: BTreeSet<&ArticleId> = by_path.values().chain(known).collect();
        let mut images = BTreeMap::new();
        for mut page in pages {
            self.link_page(&mut page, &by_path, &ids, &mut images);
            if let Err(fault) = page.draft.article(1, UnixMillis(0)).check() {
                self.faults.push(Fault::new(&page.path, fault.to_string()));
            }
            if let Some(of_locale) = self.import.locales.get_mut(&page.locale) {
                of_locale.articles.push(page.draft);
            }
        }
        for of_locale in self.import.locales.values_mut() {
            of_locale.articles.sort_by(|one, other| one.id.cmp(&other.id));
        }
        self.import.images = images.into_values().collect();
    }

    fn link_page(
        &mut self,
        page: &mut Page,
        by_path: &BTreeMap<String, ArticleId>,
        ids: &BTreeSet<&ArticleId>,
        images: &mut BTreeMap<[u8; 32], FaqImage>,
    ) {
        let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let mut exchanges = Vec::new();
        for pointer in links::pointers(&page.draft.body) {
            let line = page.body_line + pointer.line;
            if pointer.is_image {
                if page.draft.images.iter().all(|image| image.name != pointer.target) {
                    match self.image(&folder, &pointer.target, images) {
                        Ok(image) => page.draft.images.extend(image),
                        Err(fault) => self.faults.push(Fault::at(&page.path, line, fault)),
                    }
                }
                continue;
            }
            if let Some(id) = pointer.target.strip_prefix(links::ARTICLE) {
                if !id.parse::<ArticleId>().is_ok_and(|id| ids.contains(&id)) {
                    self.faults.push(Fault::at(&page.path, line, format!("there is no article {id}")));
                }
                continue;
            }
            let Some(target) = links::relative_path(&pointer.target).filter(|path| path.ends_with(".md")) else {
                continue;
            };
            let article = resolve(&folder, &target).and_then(|path| by_path.get(&path));
            match (article, pointer.place) {
                (Some(id), Some(place)) => exchanges.push((place, format!("{}{id}", links::ARTICLE))),
                _ => self.faults.push(Fault::at(&page.path, line, format!("the link {target} leads to no article"))),
            }
        }
        page.draft.body = links::exchange(&page.draft.body, exchanges);
    }

    /// The picture that a text names; `None` for one that is elsewhere (`https:`), whose words are shown instead.
    fn image(
        &self,
        folder: &str,
        name: &str,
        images: &mut BTreeMap<[u8; 32], FaqImage>,
    ) -> Result<Option<ArticleImage>, String> {
        if name.starts_with('/') {
            return Err(format!("the picture {name} must be named by a relative path"));
        }
        let Some(path) = links::relative_path(name) else { return Ok(None) };
        let path = resolve(folder, &path).ok_or_else(|| format!("the picture {name} lies outside the folder"))?;
        match self.source.read(&path, FAQ_IMAGE_BYTES) {
            Ok(Some(bytes)) => {
                let (image, stored) = picture::read(name, bytes).map_err(|reason| format!("{path}: {reason}"))?;
                images.entry(stored.sha256).or_insert(stored);
                Ok(Some(image))
            }
            Ok(None) => Err(format!("the picture {path} does not exist")),
            Err(fault) => Err(fault.to_string()),
        }
    }
}
