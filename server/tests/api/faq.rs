//! The FAQ over HTTP: what phones and caches get of what editors have published.

use std::{fs, path::Path};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use beistand_protocol::faq::{Contents, Locale, PARCEL_MEDIA_TYPE, Parcel};
use beistand_server::faq::{self, editing, signing::is_signed_by};
use tower::ServiceExt as _;

use super::house::{Answer, House, house};

pub struct Files(tempfile::TempDir);

impl Files {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn article(&self, path: &str, title: &str, body: &str) -> &Self {
        self.write(path, format!("---\ntitle: {title}\n---\n{body}\n"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

fn locale(tag: &str) -> Locale {
    tag.parse().unwrap()
}

impl House {
    async fn faq_app(&self) -> beistand_server::store::AppRow {
        self.server.store().app_by_key("shop").await.unwrap().unwrap()
    }

    /// Imports a folder as the command line does, with `--prune --publish`; answers with the new versions.
    async fn published(&self, files: &Files) -> Vec<u64> {
        self.clock.advance(1_000);
        let (store, clock, app) = (self.server.store(), self.server.clock(), self.faq_app().await);
        let import = faq::read_folder(&faq::Folder::new(files.path()), &Default::default()).unwrap();
        editing::import(&*store, &*clock, app.id, import, true).await.unwrap();
        let publications = editing::publish(&*store, &*clock, app.id, None).await.unwrap();
        publications.into_iter().map(|publication| publication.version).collect()
    }

    async fn faq(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().uri(path).header("x-app-key", "shop");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    async fn parcel(&self, path: &str) -> Parcel {
        let (status, headers, bytes) = self.faq(path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(headers[header::CONTENT_TYPE], PARCEL_MEDIA_TYPE);
        let parcel = Parcel::from_bytes(&bytes).unwrap();
        assert_eq!(headers[header::ETAG], format!("\"{}\"", parcel.header.version));
        parcel
    }

    async fn code(&self, path: &str) -> String {
        let headers = vec![("x-app-key", "shop".to_owned())];
        let answer: Answer = self.call(Method::GET, path, headers, None).await;
        answer.code().to_owned()
    }
}

#[tokio::test]
async fn what_is_published_arrives_signed_and_only_with_an_app_key() {
    let house = house().await;
    for path in ["/v1/faq", "/v1/faq/de", &format!("/v1/faq/images/{}", "0".repeat(64))] {
        assert_eq!(house.code(path).await, "not-found");
        assert_eq!(house.call(Method::GET, path, vec![], None).await.code(), "unauthorized");
    }
    let files = Files::new();
    files.article("de/size.md", "Größe", "So.").article("de/other.md", "Anderes", "[Größe](size.md)");
    let versions = house.published(&files).await;
    let parcel = house.parcel("/v1/faq/de").await;
    assert_eq!((&*parcel.header.app, &parcel.header.locale), ("shop", &locale("de")));
    assert_eq!((parcel.header.version, parcel.header.from), (versions[0], None));
    let Contents::Bundle(bundle) = parcel.contents().unwrap() else { panic!() };
    assert_eq!(bundle.articles.len(), 2);
    assert_eq!(bundle.articles[0].body, "[Größe](article:size)");
    let app = house.faq_app().await;
    let key = editing::key(&*house.server.store(), &*house.server.clock(), app.id).await.unwrap().public();
    assert!(is_signed_by(&parcel, &key));
    assert_eq!(house.published(&files).await, [] as [u64; 0], "nothing has changed");
}

/// A picture of one pixel.
pub const PIXEL: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

#[tokio::test]
async fn a_delta_holds_what_changed_and_what_went_and_nothing_else() {
    let house = house().await;
    let files = Files::new();
    files.article("de/a.md", "A", "1").article("de/b.md", "B", "1").article("de/c.md", "C", "1");
    let first = house.published(&files).await[0];
    files.article("de/b.md", "B", "2").article("de/d.md", "D", "1");
    let second = house.published(&files).await[0];
    fs::remove_file(files.path().join("de/c.md")).unwrap();
    let third = house.published(&files).await[0];
    assert!(first < second && second < third);
    // So few articles are smaller whole: what a delta holds is asked for below the size rule.
    let (store, app) = (house.server.store(), house.faq_app().await);
    let (version, delta) = store.faq_delta(app.id, locale("de"), first).await.unwrap().unwrap();
    assert_eq!(version, third);
    let upserts: Vec<_> = delta.upserts.iter().map(|article| (article.id.as_str(), article.version)).collect();
    assert_eq!(upserts, [("b", 2), ("d", 1)]);
    assert_eq!(delta.tombstones.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["c"]);
    // Taken back and written again it goes on counting.
    files.article("de/c.md", "C", "3");
    house.published(&files).await;
    let (_, delta) = store.faq_delta(app.id, locale("de"), third).await.unwrap().unwrap();
    assert_eq!((delta.upserts[0].id.as_str(), delta.upserts[0].version), ("c", 2));
    assert!(delta.tombstones.is_empty());
    for unknown in [0, first + 1, i64::MAX as u64] {
        assert_eq!(store.faq_delta(app.id, locale("de"), unknown).await.unwrap(), None);
        assert_eq!(house.parcel(&format!("/v1/faq/de?since={unknown}")).await.header.from, None);
    }
    assert_eq!(store.faq_delta(app.id, locale("de"), u64::MAX).await.unwrap(), None);
    for bad in ["-1", "x", "9223372036854775808", "99999999999999999999"] {
        assert_eq!(house.code(&format!("/v1/faq/de?since={bad}")).await, "bad-parameter", "{bad}");
    }
}

#[tokio::test]
async fn ten_changes_among_two_thousand_articles_travel_as_a_twentieth() {
    let house = house().await;
    let files = Files::new();
    let words = ["Rückgabe", "Lieferung", "Größe", "Gutschein", "Rechnung", "Paket", "Kleid", "Filiale", "Konto"];
    let text = |seed: usize| -> String {
        let mut state = seed as u64 + 1;
        let mut word = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("{}{} ", words[(state >> 33) as usize % words.len()], (state >> 40) % 97)
        };
        (0..60).map(|_| word()).collect()
    };
    for number in 0..2_000 {
        files.article(&format!("de/a{number}.md"), &format!("Frage {number}"), &text(number));
    }
    let first = house.published(&files).await[0];
    for number in (0..2_000).step_by(200) {
        files.article(&format!("de/a{number}.md"), &format!("Frage {number}"), &text(number + 5_000));
    }
    house.published(&files).await;
    let path = format!("/v1/faq/de?since={first}");
    let delta = house.parcel(&path).await;
    assert_eq!(delta.header.from, Some(first));
    let Contents::Delta { delta: contents, .. } = delta.contents().unwrap() else { panic!() };
    assert_eq!(contents.upserts.len(), 10);
    let gzip = [("accept-encoding", "gzip")];
    let (whole, part) = (house.faq("/v1/faq/de", &gzip).await.2.len(), house.faq(&path, &gzip).await.2.len());
    println!("10 of 2,000 articles changed: delta {part} bytes, bundle {whole} bytes (both with gzip)");
    assert!(part * 20 <= whole, "delta {part}, bundle {whole}");
}

#[tokio::test]
async fn a_copy_that_is_still_good_is_not_sent_again() {
    let house = house().await;
    let files = Files::new();
    files.article("de/a.md", "A", "1");
    let first = house.published(&files).await[0];
    let tag = format!("\"{first}\"");
    for path in ["/v1/faq", "/v1/faq/de", &format!("/v1/faq/de?since={first}")] {
        let (status, headers, body) = house.faq(path, &[("if-none-match", &format!("W/{tag}, \"x\""))]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(headers[header::ETAG], tag);
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=60");
        assert_eq!(headers[header::VARY], "x-app-key, accept-encoding");
        assert_eq!(house.faq(path, &[("if-none-match", "\"1\"")]).await.0, StatusCode::OK);
    }
    // Made once and kept: the next publication is served all the same.
    files.article("de/a.md", "A", "2");
    let second = house.published(&files).await[0];
    assert_eq!(house.faq("/v1/faq/de", &[("if-none-match", &tag)]).await.0, StatusCode::OK);
    assert_eq!(house.parcel("/v1/faq/de").await.header.version, second);
}

#[tokio::test]
async fn a_parcel_is_compressed_for_those_who_take_it() {
    use std::io::Read as _;
    let house = house().await;
    let files = Files::new();
    files.article("de/a.md", "A", &"Guten Tag. ".repeat(200));
    house.published(&files).await;
    let (_, headers, plain) = house.faq("/v1/faq/de", &[]).await;
    assert!(!headers.contains_key(header::CONTENT_ENCODING));
    let (_, headers, gzip) = house.faq("/v1/faq/de", &[("accept-encoding", "br, GZIP;q=0.5")]).await;
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*gzip).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    assert!(gzip.len() * 5 < plain.len());
    let (_, headers, refused) = house.faq("/v1/faq/de", &[("accept-encoding", "gzip;q=0")]).await;
    assert!(!headers.contains_key(header::CONTENT_ENCODING) && refused == plain);
}

#[tokio::test]
async fn the_nearest_language_answers_and_one_that_is_gone_only_says_so() {
    let house = house().await;
    let files = Files::new();
    files.write("faq.toml", "default_locale = \"en\"\n");
    files.article("de/a.md", "A", "1").article("en/a.md", "A", "1").article("fr-CH/a.md", "A", "1");
    let versions = house.published(&files).await;
    for (wanted, got) in [("de-AT", "de"), ("de_DE", "de"), ("fr", "fr-CH"), ("it", "en")] {
        assert_eq!(house.parcel(&format!("/v1/faq/{wanted}")).await.header.locale, locale(got), "{wanted}");
    }
    for bad in ["x", "..%2f", "1234", "a%00b"] {
        assert_eq!(house.code(&format!("/v1/faq/{bad}")).await, "bad-parameter", "{bad}");
    }
    let (_, _, index) = house.faq("/v1/faq", &[]).await;
    let index: beistand_protocol::faq::FaqIndex = serde_json::from_slice(&index).unwrap();
    assert_eq!((index.default_locale, index.locales.len()), (Some(locale("en")), 3));
    // All French articles are withheld: who has them hears it, everybody else gets the default.
    files.write("fr-CH/a.md", "---\ntitle: A\ndraft: true\n---\n");
    let gone = house.published(&files).await;
    assert_eq!(gone.len(), 1);
    let parcel = house.parcel(&format!("/v1/faq/fr-CH?since={}", versions[2])).await;
    assert_eq!((parcel.header.locale.as_str(), parcel.header.version), ("fr-CH", gone[0]));
    assert_eq!(house.parcel("/v1/faq/fr-CH").await.header.locale, locale("en"));
    let (_, _, index) = house.faq("/v1/faq", &[]).await;
    assert!(!String::from_utf8(index).unwrap().contains("fr-CH"));
}

#[tokio::test]
async fn a_picture_is_served_for_ever_and_by_its_type() {
    let house = house().await;
    let files = Files::new();
    files.article("de/a.md", "A", "![Punkt](../images/p.gif)").write("images/p.gif", PIXEL);
    house.published(&files).await;
    let Contents::Bundle(bundle) = house.parcel("/v1/faq/de").await.contents().unwrap() else { panic!() };
    let image = &bundle.articles[0].images[0];
    assert_eq!((&*image.name, &*image.media_type, image.width, image.height), ("../images/p.gif", "image/gif", 1, 1));
    let path = format!("/v1/faq/images/{}", image.sha256);
    let (status, headers, bytes) = house.faq(&path, &[("accept-encoding", "gzip")]).await;
    assert_eq!((status, &*bytes), (StatusCode::OK, PIXEL));
    assert_eq!(headers[header::CONTENT_TYPE], "image/gif");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    let etag = headers[header::ETAG].to_str().unwrap();
    assert_eq!(house.faq(&path, &[("if-none-match", etag)]).await.0, StatusCode::NOT_MODIFIED);
    for bad in ["abc", &"G".repeat(64), "..%2f..%2fbeistand.db"] {
        assert_eq!(house.code(&format!("/v1/faq/images/{bad}")).await, "bad-parameter");
    }
    // Out of the articles, it stays a month for phones that do not know yet.
    files.article("de/a.md", "A", "Kein Bild.");
    house.published(&files).await;
    assert_eq!(house.faq(&path, &[]).await.0, StatusCode::OK);
    house.clock.advance(31 * 24 * 3600 * 1000);
    files.article("de/a.md", "A", "Noch immer keines.");
    house.published(&files).await;
    assert_eq!(house.code(&path).await, "not-found");
}

#[tokio::test]
async fn another_app_has_its_own_faq_key_and_pictures() {
    let house = house().await;
    house.server.add_app("shoes", "shoes").await.unwrap();
    let files = Files::new();
    files.article("de/a.md", "A", "![Punkt](p.gif)").write("de/p.gif", PIXEL);
    house.published(&files).await;
    let parcel = house.parcel("/v1/faq/de").await;
    let Contents::Bundle(bundle) = parcel.contents().unwrap() else { panic!() };
    for path in ["/v1/faq", "/v1/faq/de", &format!("/v1/faq/images/{}", bundle.articles[0].images[0].sha256)] {
        let answer = house.call(Method::GET, path, vec![("x-app-key", "shoes".into())], None).await;
        assert_eq!(answer.code(), "not-found", "{path}");
    }
    let (store, clock) = (house.server.store(), house.server.clock());
    let other = store.app_by_key("shoes").await.unwrap().unwrap();
    let key = editing::key(&*store, &*clock, other.id).await.unwrap().public();
    assert!(!is_signed_by(&parcel, &key));
    assert_eq!(editing::key(&*store, &*clock, other.id).await.unwrap().public(), key, "a key is made once");
}

#[tokio::test]
async fn what_is_too_large_for_phones_is_not_published() {
    let house = house().await;
    let files = Files::new();
    let body = "0123456789".repeat(9_900);
    for number in 0..180 {
        files.article(&format!("de/a{number}.md"), "Lang", &body);
    }
    let (store, clock, app) = (house.server.store(), house.server.clock(), house.faq_app().await);
    let import = faq::read_folder(&faq::Folder::new(files.path()), &Default::default()).unwrap();
    editing::import(&*store, &*clock, app.id, import, false).await.unwrap();
    let error = editing::publish(&*store, &*clock, app.id, None).await.unwrap_err().to_string();
    assert!(error.contains("in de would have") && error.contains("16777216 are allowed"), "{error}");
    assert_eq!(house.code("/v1/faq/de").await, "not-found");
}

#[tokio::test]
async fn a_restored_database_is_newer_than_what_phones_have() {
    let house = house().await;
    let files = Files::new();
    files.article("de/a.md", "A", "1");
    let saved = house.published(&files).await[0];
    let database = house.folder.path().join("beistand.db");
    let copy = tempfile::tempdir().unwrap();
    beistand_server::store::sqlite::backup(&database, &copy.path().join("beistand.db")).unwrap();
    files.article("de/a.md", "A", "2");
    let lost = house.published(&files).await[0];
    house.clock.advance(60_000);
    let options = super::house::options(&copy, beistand_server::Execution::Inline);
    let restored = beistand_server::Server::open(Default::default(), options, house.clock.clone()).await.unwrap();
    let app = restored.store().app_by_key("shop").await.unwrap().unwrap();
    let (version, bundle) = restored.store().faq_bundle(app.id, locale("de")).await.unwrap().unwrap();
    assert!(version > lost, "{version} after {lost}");
    assert_eq!(bundle.articles[0].body, "1");
    // What was published before the backup is still known, what was lost is not.
    assert!(restored.store().faq_delta(app.id, locale("de"), saved).await.unwrap().is_some());
    assert!(restored.store().faq_delta(app.id, locale("de"), lost).await.unwrap().is_none());
    restored.shutdown().await;
}
