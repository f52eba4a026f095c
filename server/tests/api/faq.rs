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

    fn path(&self) -> &Path {
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
