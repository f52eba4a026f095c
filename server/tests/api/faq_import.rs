//! Editors' files: what an import takes, what it refuses and how it says so, and that an export imports again to the
//! same.

use std::{collections::BTreeSet, fs};

use beistand_protocol::faq::{ArticleId, Locale};
use beistand_server::{
    faq::{self, Folder, editing},
    store::faq::{ArticleDraft, FaqImport},
};

use super::{
    faq::{Files, PIXEL},
    house::house,
};

fn read(files: &Files) -> Result<FaqImport, String> {
    faq::read_folder(&Folder::new(files.path()), &BTreeSet::new()).map_err(|faults| faults.to_string())
}

fn only(import: &FaqImport) -> &ArticleDraft {
    &import.locales.values().next().unwrap().articles[0]
}

/// A folder with a good article, so that what is wrong beside it is found and not the emptiness.
fn good() -> Files {
    let files = Files::new();
    files.write("de/good.md", "---\ntitle: Gut\n---\nJa.\n");
    files
}

#[test]
fn a_folder_becomes_drafts_with_links_and_pictures() {
    let files = Files::new();
    files
        .write("faq.toml", "default_locale = \"de\"")
        .write("README.md", "Für Redakteure.")
        .write(".git/HEAD.md", "x")
        .write("images/note.txt", "Quelle der Bilder")
        .write("images/p.gif", PIXEL)
        .write("de_AT/returns/_collection.md", "---\ntitle: Rückgabe\nposition: 3\n---\nAlles zurück.\n")
        .write(
            "de_AT/returns/how.md",
            "---\ntitle: \"Wie?\"\nid: how-to\nalso_asked_as: [retour]\ntags: [a]\nposition: 2\ndraft: true\n---\n\n\
             Ja. ![Bild](../../images/p.gif) [weg](../gone.md#teil) [extern](https://example.org/x.md)\n",
        )
        .write("de_AT/gone.md", "---\ntitle: Weg\n---\n[zurück](returns/how.md)\n");
    let import = read(&files).unwrap();
    assert_eq!(import.default_locale, Some("de".parse().unwrap()));
    let of_locale = &import.locales[&"de-AT".parse::<Locale>().unwrap()];
    let collection = &of_locale.collections[0];
    assert_eq!((&*collection.title, &*collection.description, collection.position), ("Rückgabe", "Alles zurück.", 3));
    let [gone, how] = &of_locale.articles[..] else { panic!() };
    assert_eq!(gone.body, "[zurück](article:how-to)");
    assert_eq!((how.id.as_str(), how.position, how.withheld), ("how-to", 2, true));
    assert_eq!(how.collection.as_ref(), Some(&collection.id));
    assert_eq!(how.body, "Ja. ![Bild](../../images/p.gif) [weg](article:gone) [extern](https://example.org/x.md)");
    assert_eq!((&*how.images[0].name, import.images.len()), ("../../images/p.gif", 1));
}

#[test]
fn every_fault_is_told_at_once_with_its_file() {
    let files = good();
    files
        .write("faq.toml", "colour = 1")
        .write("de/twice.md", "---\ntitle: Zweimal\nid: good\n---\n")
        .write("de/untitled.md", "---\ntitle: ' '\n---\n")
        .write("de/bare.md", "Nur Text.")
        .write("de/latin.md", b"---\ntitle: A\n---\nZeile\nGr\xf6\xdfe\n")
        .write("de/large.md", vec![b'x'; 10 * 1024 * 1024])
        .write("de/name with space.md", "---\ntitle: A\n---\n")
        .write("de/links.md", "---\ntitle: A\n---\nEins\n\n[x](none.md)\n\n[y](article:none)\n\n[z](../../out.md)\n")
        .write(
            "de/pictures.md",
            "---\ntitle: A\n---\n![a](none.png) ![b](../../../etc/passwd)\n\n![c](fake.png) ![d](/x.png)\n",
        )
        .write("de/fake.png", "Kein Bild.")
        .write("de/bomb.md", "---\na: &a [x, x]\nb: &b [*a, *a]\ntitle: *b\n---\n")
        .write("de/c/only.md", "---\ntitle: A\n---\n")
        .write("de/c/deep/er.md", "---\ntitle: A\n---\n")
        .write("de_DE.UTF-8/x.md", "---\ntitle: A\n---\n")
        .write("de-de/x.md", "---\ntitle: A\n---\n")
        .write("german/x.md", "---\ntitle: A\n---\n");
    let faults = read(&files).unwrap_err();
    for named in [
        "faq.toml:1: ",
        "de/twice.md: id: de/good.md has the id good already",
        "de/untitled.md: title: ",
        "de/bare.md:1: front matter is missing",
        "de/latin.md:5: the text is not UTF-8",
        "de/large.md: larger than 1048576 bytes",
        "de/name with space.md: the name of the file is its id: ",
        "de/links.md:6: the link none.md leads to no article",
        "de/links.md:8: there is no article none",
        "de/links.md:10: the link ../../out.md leads to no article",
        "de/pictures.md:4: the picture de/none.png does not exist",
        "de/pictures.md:4: the picture ../../../etc/passwd lies outside the folder",
        "de/pictures.md:6: de/fake.png: not a picture",
        "de/pictures.md:6: the picture /x.png must be named by a relative path",
        "de/bomb.md:",
        "de/c/_collection.md: is missing",
        "de/c/deep: a collection holds no collections",
        "de_DE.UTF-8: another folder holds the language de-DE already",
        "german: holds articles, but its name is no language tag",
    ] {
        assert!(faults.contains(named), "{named} is not in:\n{faults}");
    }
    assert!(faults.ends_with("faults") && !faults.contains("passwd:"), "{faults}");
    for (empty, named) in [(Files::new(), "no folder of a language"), (good(), "")] {
        assert_eq!(read(&empty).is_err(), !named.is_empty());
    }
    let missing = faq::read_folder(&Folder::new(files.path().join("nowhere")), &BTreeSet::new()).unwrap_err();
    assert!(missing.to_string().contains(".: "), "{missing}");
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_leads_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.md"), "---\ntitle: Geheim\n---\n").unwrap();
    fs::write(outside.path().join("p.gif"), PIXEL).unwrap();
    let files = good();
    files.write("de/a.md", "---\ntitle: A\n---\n![x](linked/p.gif) ![y](p.gif)\n");
    let link = |from: &str, to: &str| {
        std::os::unix::fs::symlink(outside.path().join(to), files.path().join(from)).unwrap();
    };
    link("de/secret.md", "secret.md");
    link("de/linked", "");
    link("de/p.gif", "p.gif");
    link("en", "");
    let faults = read(&files).unwrap_err();
    for named in
        ["de/secret.md: a symbolic", "de/a.md:4: de/linked/p.gif: a symbolic", "de/p.gif: a symbolic", "en: a symbolic"]
    {
        assert!(faults.contains(named), "{named} is not in:\n{faults}");
    }
    assert_eq!(faults.matches("en: a symbolic").count(), 1, "{faults}");
    assert!(!faults.contains("Geheim"));
}

#[tokio::test]
async fn an_export_imports_again_to_the_same() {
    let house = house().await;
    let (store, clock) = (house.server.store(), house.server.clock());
    let app = store.app_by_key("shop").await.unwrap().unwrap();
    let files = Files::new();
    files
        .write("faq.toml", "default_locale = \"de\"\n")
        .write("images/p.gif", PIXEL)
        .write("de/c/_collection.md", "---\ntitle: \"C: 'mit' \\\"allem\\\" # \"\n---\n")
        .write(
            "de/c/a.md",
            "---\ntitle: \"- {x}: \\\\ \\u00e4 \\U0001F600 \\u202e\"\nalso_asked_as: ['yes', '1.0', '~', \"tab\\there\"]\n\
             draft: true\n---\n    Code\n\n---\n\n![x](../../images/p.gif)\\\n[b](../b.md)\r\n\r\nEnde  \n\n\n",
        )
        .write("de/b.md", "---\ntitle: B\n---\n")
        .write("en/b.md", "---\ntitle: B\nposition: 4294967295\n---\n<b>x</b>\n");
    editing::import(&*store, &*clock, app.id, read(&files).unwrap(), false).await.unwrap();
    let drafts = store.faq_drafts(app.id).await.unwrap();
    let exported = Files::new();
    for (path, bytes) in faq::export_folder(&*store, app.id, &drafts).await.unwrap() {
        exported.write(&path, bytes);
    }
    let again = read(&exported).unwrap();
    let changes = editing::would_change(&drafts, &again, true);
    assert!(changes.iter().all(|(_, changes)| changes.is_empty()) && changes.len() == 2, "{changes:?}");
    assert_eq!(again.default_locale, drafts.default_locale);
    assert_eq!(fs::read(exported.path().join("images/p.gif")).unwrap(), PIXEL);
    // The same by way of JSON, which knows of no collection, picture, place or draft.
    let english: Locale = "en".parse().unwrap();
    let json = faq::write_json("shop", &english, &drafts.locales[&english]).unwrap();
    let import = faq::read_json("en.json", json.as_bytes(), None).unwrap();
    assert_eq!((only(&import).id.as_str(), &*only(&import).title), ("b", "B"));
}

#[tokio::test]
async fn an_import_writes_drafts_and_prunes_only_when_told() {
    let house = house().await;
    let (store, clock) = (house.server.store(), house.server.clock());
    let app = store.app_by_key("shop").await.unwrap().unwrap();
    let (one, two) = (good(), Files::new());
    two.write("de/two.md", "---\ntitle: Zwei\n---\n[gut](article:good)\n");
    let missing = read(&two).unwrap_err();
    assert!(missing.contains("there is no article good"));
    editing::import(&*store, &*clock, app.id, read(&one).unwrap(), false).await.unwrap();
    assert!(store.faq_bundle(app.id, "de".parse().unwrap()).await.unwrap().is_none(), "drafts are no publication");
    let known: BTreeSet<ArticleId> = ["good".parse().unwrap()].into();
    let import = faq::read_folder(&Folder::new(two.path()), &known).unwrap();
    let drafts = store.faq_drafts(app.id).await.unwrap();
    for (prune, removed, left) in [(false, 0, 2), (true, 1, 1)] {
        let would = editing::would_change(&drafts, &import, prune);
        assert_eq!((would[0].1.added.len(), would[0].1.removed.len()), (1, removed));
        editing::import(&*store, &*clock, app.id, import.clone(), prune).await.unwrap();
        let drafts = store.faq_drafts(app.id).await.unwrap();
        assert_eq!(drafts.locales.values().next().unwrap().articles.len(), left);
    }
}
