//! Drafts as a folder of Markdown, as [`super::read_folder`] reads it: what was imported comes out as it was, but for the
//! order of lines in its front matter and for links, which stay `article:<id>`.

use std::{collections::BTreeMap, fmt::Write as _};

use beistand_protocol::{
    faq::{Collection, Locale},
    hex,
};

use super::{
    folder::{COLLECTION, SETTINGS},
    links,
    source::resolve,
};
use crate::store::{
    AppId, FaqDrafts, Store, StoreError,
    faq::{ArticleDraft, LocaleDrafts},
};

/// Why drafts cannot be written as a folder.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two different files would have one path.
    #[error("{0} would be two different files: give one of the pictures or articles another name")]
    Clash(String),
    /// A picture that an article names is not stored.
    #[error("{article}: the picture {name} is not stored: import it again")]
    Missing {
        /// The file of the article.
        article: String,
        /// What it calls the picture.
        name: String,
    },
}

/// The files of a folder, by path from its root.
pub async fn folder(
    store: &dyn Store,
    app: AppId,
    drafts: &FaqDrafts,
) -> Result<BTreeMap<String, Vec<u8>>, ExportError> {
    let mut files = Files::default();
    if let Some(locale) = &drafts.default_locale {
        files.put(SETTINGS.to_owned(), format!("default_locale = {}\n", quoted(locale.as_str())).into_bytes())?;
    }
    for (locale, of_locale) in &drafts.locales {
        for collection in &of_locale.collections {
            let path = format!("{locale}/{}/{COLLECTION}", collection.id);
            files.put(path, describe(collection).into_bytes())?;
        }
        for row in &of_locale.articles {
            let draft = &row.draft;
            let parent = parent(locale, of_locale, draft);
            let path = format!("{parent}/{}.md", draft.id);
            for image in &draft.images {
                let missing = || ExportError::Missing { article: path.clone(), name: image.name.clone() };
                let place = links::relative_path(&image.name).and_then(|relative| resolve(&parent, &relative));
                let sha256 = hex::decode(&image.sha256).ok_or_else(missing)?;
                let stored = store.faq_image(app, sha256).await?.ok_or_else(missing)?;
                files.put(place.ok_or_else(missing)?, stored.bytes)?;
            }
            files.put(path, write(draft).into_bytes())?;
        }
    }
    Ok(files.0)
}

/// The folder of an article. One whose collection nobody has described stands beside the collections.
fn parent(locale: &Locale, of_locale: &LocaleDrafts, draft: &ArticleDraft) -> String {
    match &draft.collection {
        Some(id) if of_locale.collections.iter().any(|collection| collection.id == *id) => format!("{locale}/{id}"),
        _ => locale.to_string(),
    }
}

#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn put(&mut self, path: String, bytes: Vec<u8>) -> Result<(), ExportError> {
        match self.0.get(&path) {
            Some(other) if *other != bytes => Err(ExportError::Clash(path)),
            _ => {
                self.0.insert(path, bytes);
                Ok(())
            }
        }
    }
}

/// A text in double quotes: JSON's form of it is one of YAML's and of TOML's, and needs no rules about what is plain.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn describe(collection: &Collection) -> String {
    let Collection { title, description, position, .. } = collection;
    format!("---\ntitle: {}\nposition: {position}\n---\n\n{description}\n", quoted(title))
}

fn write(draft: &ArticleDraft) -> String {
    let mut text = format!("---\ntitle: {}\n", quoted(&draft.title));
    for (key, list) in [("also_asked_as", &draft.also_asked_as), ("tags", &draft.tags)] {
        if !list.is_empty() {
            // Writing into a string does not fail.
            let _ = writeln!(text, "{key}:");
            list.iter().for_each(|entry| text.push_str(&format!("  - {}\n", quoted(entry))));
        }
    }
    if draft.position != 0 {
        let _ = writeln!(text, "position: {}", draft.position);
    }
    if draft.withheld {
        text.push_str("draft: true\n");
    }
    text + "---\n\n" + &draft.body + "\n"
}
