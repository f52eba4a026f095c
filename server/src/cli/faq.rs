//! `faq …`: articles come in as files, become drafts, and are published. Works on the database itself, also while a
//! server does; the server serves a new publication with the next request.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    path::{Path, PathBuf},
};

use beistand_protocol::faq::{ArticleCounts, Locale};
use beistand_server::{
    ServerConfig, SystemClock,
    faq::{self, editing},
    manage::Management,
    store::faq::{FaqDrafts, FaqImport, FaqPublication, LocaleChanges},
};
use clap::{Args, Subcommand};

use super::{Failure, manage::block_on, print_line};

#[derive(Args)]
pub(super) struct App {
    /// The key of the app; needed if there is more than one
    #[arg(long = "app", value_name = "KEY")]
    key: Option<String>,
}

#[derive(Subcommand)]
pub(super) enum FaqCommand {
    /// Read a folder of Markdown, or a file of JSON, into drafts
    Import {
        /// A folder with de/returns/how.md and the like, or a .json file
        from: PathBuf,
        #[command(flatten)]
        app: App,
        /// The language of a JSON file, if not the one that it names
        #[arg(long)]
        locale: Option<Locale>,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
        /// Remove what the languages of the import have and the import has not
        #[arg(long)]
        prune: bool,
        /// Publish at once
        #[arg(long, conflicts_with = "dry_run")]
        publish: bool,
    },
    /// Make the drafts what phones get
    Publish {
        #[command(flatten)]
        app: App,
        /// Only this language
        #[arg(long)]
        locale: Option<Locale>,
    },
    /// Write the drafts into a folder of Markdown, or those of one language into a file of JSON
    Export {
        /// A folder that does not exist or is empty, or a .json file
        to: PathBuf,
        #[command(flatten)]
        app: App,
        /// The language; a file of JSON holds one
        #[arg(long)]
        locale: Option<Locale>,
    },
    /// Write a publication into a file that an app can carry, or a mirror serve
    Bundle {
        #[command(flatten)]
        app: App,
        /// The language
        #[arg(long)]
        locale: Locale,
        /// The file; compressed if it ends in .gz
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Only what changed since this publication, if that is smaller
        #[arg(long, value_name = "VERSION")]
        since: Option<u64>,
    },
    /// Print the public key that apps pin: 32 bytes in Base64
    Key {
        #[command(flatten)]
        app: App,
    },
    /// Say what readers think: views, ratings, comments, searches without a result
    Counts {
        #[command(flatten)]
        app: App,
        /// The most articles, and the most searches
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Say what is published and what waits
    List {
        #[command(flatten)]
        app: App,
    },
}

pub(super) fn run(config: &ServerConfig, command: FaqCommand) -> Result<(), Failure> {
    let management = Management::open(config, SystemClock::default())?;
    block_on(carry_out(&management, command))?
}

async fn carry_out(management: &Management, command: FaqCommand) -> Result<(), Failure> {
    let (store, clock) = (management.store(), management.clock());
    match command {
        FaqCommand::Import { from, app, locale, dry_run, prune, publish } => {
            let app = management.app(app.key.as_deref()).await?;
            let drafts = store.faq_drafts(app.id).await?;
            let import = read(&from, locale, &drafts, prune)?;
            if let Some(default) =
                import.default_locale.as_ref().filter(|_| import.default_locale != drafts.default_locale)
            {
                print_line(&format!("{default} becomes the default"))?;
            }
            if dry_run {
                return print_changes(&editing::would_change(&drafts, &import, prune));
            }
            print_changes(&editing::import(store, clock, app.id, import, prune).await?)?;
            if publish {
                print_publications(&editing::publish(store, clock, app.id, None).await?)?;
            }
        }
        FaqCommand::Publish { app, locale } => {
            let app = management.app(app.key.as_deref()).await?;
            print_publications(&editing::publish(store, clock, app.id, locale).await?)?;
        }
        FaqCommand::Export { to, app, locale } => {
            let app = management.app(app.key.as_deref()).await?;
            let mut drafts = store.faq_drafts(app.id).await?;
            drafts.locales.retain(|have, _| locale.as_ref().is_none_or(|wanted| wanted == have));
            if is_json(&to) {
                export_json(&to, &app.name, &drafts)?;
            } else {
                export_folder(&to, faq::export_folder(store, app.id, &drafts).await?)?;
            }
        }
        FaqCommand::Bundle { app, locale, output, since } => {
            let app = management.app(app.key.as_deref()).await?;
            let parcel = editing::parcel(store, &app, &locale, since).await?;
            let parcel = parcel.ok_or_else(|| format!("nothing is published in {locale}"))?;
            let mut bytes = parcel.to_bytes()?;
            if output.extension().is_some_and(|ending| ending == "gz") {
                bytes = faq::gzip(&bytes)?;
            }
            std::fs::write(&output, &bytes).map_err(|error| format!("{}: {error}", output.display()))?;
            let form = parcel.header.from.map_or("whole".to_owned(), |from| format!("since {from}"));
            print_line(&format!("{locale} version {} {form} {} bytes", parcel.header.version, bytes.len()))?;
        }
        FaqCommand::Key { app } => {
            let app = management.app(app.key.as_deref()).await?;
            print_line(&editing::key(store, clock, app.id).await?.public())?;
        }
        FaqCommand::Counts { app, limit } => {
            let app = management.app(app.key.as_deref()).await?;
            let counts = store.faq_counts(app.id, limit).await?;
            // A comment may have line breaks; here each has one line.
            let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            for of in &counts.articles {
                let ArticleCounts { article, locale, views, helpful, not_helpful, .. } = of;
                print_line(&format!(
                    "article {article} {locale} views {views} helpful {helpful} not-helpful {not_helpful}"
                ))?;
                for comment in &of.comments {
                    let said = if comment.helpful { "helpful" } else { "not-helpful" };
                    print_line(&format!("  {said} version {} {}", comment.version, one_line(&comment.text)))?;
                }
            }
            for search in &counts.searches {
                print_line(&format!("search {} {} times {}", search.locale, search.count, one_line(&search.query)))?;
            }
        }
        FaqCommand::List { app } => {
            let app = management.app(app.key.as_deref()).await?;
            let (index, drafts) = (store.faq_index(app.id).await?, store.faq_drafts(app.id).await?);
            for (locale, of_locale) in &drafts.locales {
                let published = index.locales.iter().find(|published| published.locale == *locale);
                let withheld = of_locale.articles.iter().filter(|row| row.draft.withheld).count();
                let is_default = drafts.default_locale.as_ref() == Some(locale);
                print_line(&format!(
                    "{locale} version {} published {} drafts {} withheld {withheld}{}",
                    published.map_or(0, |published| published.version),
                    published.map_or(0, |published| published.articles),
                    of_locale.articles.len(),
                    if is_default { " default" } else { "" },
                ))?;
            }
        }
    }
    Ok(())
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

fn in_file(path: &Path, error: std::io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}

fn read(from: &Path, locale: Option<Locale>, drafts: &FaqDrafts, prune: bool) -> Result<FaqImport, Failure> {
    if is_json(from) {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(from).map_err(|error| in_file(from, error))?;
        file.take(faq::JSON_BYTES + 1).read_to_end(&mut bytes).map_err(|error| in_file(from, error))?;
        if bytes.len() as u64 > faq::JSON_BYTES {
            return Err(format!("{}: larger than {} bytes", from.display(), faq::JSON_BYTES).into());
        }
        return Ok(faq::read_json(&from.display().to_string(), &bytes, locale)?);
    }
    if locale.is_some() {
        return Err("--locale: a folder names its languages itself".into());
    }
    // What is pruned cannot be linked to.
    let stored = drafts.locales.values().filter(|_| !prune).flat_map(|locale| &locale.articles);
    let known: BTreeSet<_> = stored.map(|row| row.draft.id.clone()).collect();
    Ok(faq::read_folder(&faq::Folder::new(from), &known)?)
}

fn export_json(to: &Path, name: &str, drafts: &FaqDrafts) -> Result<(), Failure> {
    let mut locales = drafts.locales.iter();
    let (Some((locale, of_locale)), None) = (locales.next(), locales.next()) else {
        let have = drafts.locales.keys().map(Locale::as_str).collect::<Vec<_>>().join(", ");
        return Err(format!("a file of JSON holds one language; name it with --locale (there are: {have})").into());
    };
    std::fs::write(to, faq::write_json(name, locale, of_locale)?).map_err(|error| in_file(to, error))?;
    print_line(&format!("{locale} {} articles", of_locale.articles.iter().filter(|row| !row.draft.withheld).count()))?;
    Ok(())
}

fn export_folder(to: &Path, files: BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    if std::fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!("{} is not empty: what lies there already would mix with the export", to.display()).into());
    }
    for (path, bytes) in &files {
        let path = to.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| in_file(folder, error))?;
        }
        std::fs::write(&path, bytes).map_err(|error| in_file(&path, error))?;
    }
    print_line(&format!("{} files", files.len()))?;
    Ok(())
}

fn print_changes(changes: &[(Locale, LocaleChanges)]) -> Result<(), Failure> {
    for (locale, changes) in changes {
        for (sign, ids) in [("+", &changes.added), ("~", &changes.changed), ("-", &changes.removed)] {
            for id in ids {
                print_line(&format!("{locale} {sign} {id}"))?;
            }
        }
        let LocaleChanges { added, changed, removed, unchanged, collections } = changes;
        print_line(&format!(
            "{locale} {} added, {} changed, {} removed, {unchanged} unchanged{}",
            added.len(),
            changed.len(),
            removed.len(),
            if *collections { ", collections changed" } else { "" }
        ))?;
    }
    Ok(())
}

fn print_publications(publications: &[FaqPublication]) -> Result<(), Failure> {
    if publications.is_empty() {
        print_line("nothing has changed since the last publication")?;
    }
    for FaqPublication { locale, version, articles, changed, removed } in publications {
        print_line(&format!("{locale} version {version}: {articles} articles, {changed} changed, {removed} removed"))?;
    }
    Ok(())
}
