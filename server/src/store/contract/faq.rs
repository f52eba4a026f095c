//! What every store must do with the FAQ.

use beistand_protocol::{
    Code, UnixMillis,
    faq::{Collection, Locale},
    hex,
};

use super::{House, refused};
use crate::store::{
    Applied, Command, FaqImage, Outcome, StoreError,
    faq::{ArticleDraft, FaqCommand, FaqImport, FaqPublication, LocaleChanges, LocaleImport},
};

fn de() -> Locale {
    "de".parse().unwrap()
}

fn article(id: &str, body: &str) -> ArticleDraft {
    ArticleDraft {
        id: id.parse().unwrap(),
        collection: None,
        position: 0,
        title: id.into(),
        body: body.into(),
        also_asked_as: vec![],
        tags: vec![],
        images: vec![],
        withheld: false,
    }
}

fn bringing(locale: Locale, articles: Vec<ArticleDraft>) -> FaqImport {
    let import = LocaleImport { collections: vec![], articles };
    FaqImport { locales: [(locale, import)].into(), ..Default::default() }
}

impl House {
    async fn faq(&self, command: FaqCommand) -> Result<Applied, StoreError> {
        self.store.apply(Command::Faq(command)).await
    }

    async fn import(&mut self, import: FaqImport, prune: bool) -> LocaleChanges {
        let at = self.now();
        let command = FaqCommand::Import { app: self.app, import: Box::new(import), prune, at };
        let Outcome::FaqChanges(mut changes) = self.faq(command).await.unwrap().outcome else { panic!() };
        changes.remove(0).1
    }

    async fn publish_at(&mut self, locale: Option<Locale>, at: UnixMillis) -> Vec<FaqPublication> {
        let command = FaqCommand::Publish { app: self.app, locale, seed: [self.minted; 32], at };
        self.random();
        let Outcome::FaqPublished(publications) = self.faq(command).await.unwrap().outcome else { panic!() };
        publications
    }

    async fn publish(&mut self) -> Vec<FaqPublication> {
        let at = self.now();
        self.publish_at(None, at).await
    }
}

pub(super) async fn drafts_become_what_phones_get_only_by_a_publication(mut house: House) {
    let mut withheld = article("c", "3");
    withheld.withheld = true;
    let changes = house.import(bringing(de(), vec![article("a", "1"), article("b", "2"), withheld]), false).await;
    assert_eq!(changes.added.len(), 3);
    assert!(house.store.faq_index(house.app).await.unwrap().locales.is_empty());
    assert_eq!(house.store.faq_bundle(house.app, de()).await.unwrap(), None);
    let published = house.publish().await;
    assert_eq!((published[0].articles, published[0].changed, published[0].removed), (2, 2, 0));
    let (version, bundle) = house.store.faq_bundle(house.app, de()).await.unwrap().unwrap();
    assert_eq!(version, published[0].version);
    assert_eq!(bundle.articles.iter().map(|a| (a.id.as_str(), a.version)).collect::<Vec<_>>(), [("a", 1), ("b", 1)]);
    // The same again is no edit and no publication; one edit is one revision and one version.
    let changes = house.import(bringing(de(), vec![article("a", "1"), article("b", "neu")]), false).await;
    assert_eq!((changes.changed.len(), changes.unchanged), (1, 2));
    let drafts = house.store.faq_drafts(house.app).await.unwrap();
    assert_eq!(drafts.locales[&de()].articles.iter().map(|row| row.revision).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(house.publish().await[0].changed, 1);
    assert!(house.publish().await.is_empty());
    let (_, bundle) = house.store.faq_bundle(house.app, de()).await.unwrap().unwrap();
    assert_eq!(bundle.articles[1].version, 2);
    assert!(bundle.articles[1].updated_at > bundle.articles[0].updated_at);
}

pub(super) async fn publications_of_an_app_have_numbers_that_only_grow(mut house: House) {
    let en: Locale = "en".parse().unwrap();
    house.import(bringing(de(), vec![article("a", "1")]), false).await;
    house.import(bringing(en.clone(), vec![article("a", "1")]), false).await;
    let mut versions = Vec::new();
    // A clock that goes back must not make a publication older than one that phones have.
    for (body, at) in [("1", 5_000), ("2", 5_000), ("3", 10), ("4", 9_000)] {
        house.import(bringing(de(), vec![article("a", body)]), false).await;
        versions.extend(house.publish_at(None, UnixMillis(at)).await.into_iter().map(|made| made.version));
    }
    assert_eq!(versions, [5_000, 5_001, 5_002, 5_003, 9_000]);
    assert!(house.store.faq_knows(house.app, en.clone(), 5_001).await.unwrap());
    assert!(!house.store.faq_knows(house.app, de(), 5_001).await.unwrap());
    let only = house.publish_at(Some(en), UnixMillis(9_500)).await;
    assert!(only.is_empty());
    let unknown =
        FaqCommand::Publish { app: house.app, locale: Some("fr".parse().unwrap()), seed: [0; 32], at: UnixMillis(1) };
    assert_eq!(refused(house.faq(unknown).await), Code::NotFound);
}

pub(super) async fn a_delta_holds_what_differs_from_any_known_publication(mut house: House) {
    let mut articles: Vec<_> = (0..6).map(|number| article(&format!("a{number}"), "1")).collect();
    let mut known = Vec::new();
    for round in 0..5 {
        articles[round].body = format!("neu {round}");
        if round == 3 {
            articles.remove(5);
        }
        house.import(bringing(de(), articles.clone()), true).await;
        let version = house.publish().await[0].version;
        known.push((version, house.store.faq_bundle(house.app, de()).await.unwrap().unwrap().1));
    }
    let (newest, expected) = known.last().unwrap().clone();
    for (version, mut bundle) in known {
        let (to, delta) = house.store.faq_delta(house.app, de(), version).await.unwrap().unwrap();
        assert_eq!(to, newest);
        bundle
            .articles
            .retain(|old| !delta.tombstones.contains(&old.id) && delta.upserts.iter().all(|new| new.id != old.id));
        bundle.articles.extend(delta.upserts);
        bundle.articles.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(bundle.articles, expected.articles, "since {version}");
    }
}

pub(super) async fn collections_and_the_default_language_are_published_too(mut house: House) {
    let collection = |id: &str, title: &str| Collection {
        id: id.parse().unwrap(),
        title: title.into(),
        description: String::new(),
        position: 0,
    };
    let mut a = article("a", "1");
    a.collection = Some("c".parse().unwrap());
    let mut import = bringing(de(), vec![a]);
    import.locales.get_mut(&de()).unwrap().collections = vec![collection("c", "C"), collection("empty", "Leer")];
    house.import(import.clone(), false).await;
    let first = house.publish().await[0].version;
    let (_, bundle) = house.store.faq_bundle(house.app, de()).await.unwrap().unwrap();
    assert_eq!(bundle.collections, [collection("c", "C")], "one without articles is no page");
    import.locales.get_mut(&de()).unwrap().collections[0].title = "Neu".into();
    assert!(house.import(import.clone(), false).await.collections);
    assert_eq!(house.publish().await.len(), 1);
    import.default_locale = Some(de());
    assert!(house.import(import, false).await.is_empty());
    assert_eq!(house.publish().await.len(), 1);
    let (_, delta) = house.store.faq_delta(house.app, de(), first).await.unwrap().unwrap();
    assert_eq!((delta.default_locale, delta.collections), (Some(de()), vec![collection("c", "Neu")]));
    assert!(delta.upserts.is_empty() && delta.tombstones.is_empty());
    assert_eq!(house.store.faq_index(house.app).await.unwrap().default_locale, Some(de()));
}

pub(super) async fn an_app_keeps_its_first_key_and_its_pictures(mut house: House) {
    assert_eq!(house.store.faq_signing_seed(house.app).await.unwrap(), None);
    for seed in [[7; 32], [8; 32]] {
        house.faq(FaqCommand::MakeKey { app: house.app, seed }).await.unwrap();
    }
    let image = FaqImage { sha256: [3; 32], media_type: "image/png".into(), bytes: vec![1, 2, 3] };
    let mut shown = article("a", "1");
    shown.images = vec![beistand_protocol::faq::ArticleImage {
        name: "x.png".into(),
        sha256: hex::encode(&image.sha256),
        media_type: image.media_type.clone(),
        size: 3,
        width: 1,
        height: 1,
    }];
    let mut import = bringing(de(), vec![shown]);
    import.images = vec![image.clone()];
    house.import(import, false).await;
    house.publish().await;
    assert_eq!(house.store.faq_signing_seed(house.app).await.unwrap(), Some([7; 32]));
    assert_eq!(house.store.faq_image(house.app, [3; 32]).await.unwrap(), Some(image));
    const DAY: i64 = 24 * 3600 * 1000;
    // Shown for a year, it is not old; unshown, it stays a month.
    house.time += 365 * DAY;
    house.import(bringing(de(), vec![article("a", "2")]), false).await;
    house.publish().await;
    house.time += 29 * DAY;
    house.publish().await;
    assert!(house.store.faq_image(house.app, [3; 32]).await.unwrap().is_some());
    house.time += 2 * DAY;
    house.publish().await;
    assert_eq!(house.store.faq_image(house.app, [3; 32]).await.unwrap(), None);
}
