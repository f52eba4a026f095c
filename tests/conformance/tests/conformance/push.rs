//! Where to wake a device.

use beistand_conformance::Target;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_push_token_is_said_as_often_as_one_likes_and_taken_back() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let path = format!("/v1/devices/{}/push-token", phone.credential.device);
    for token in ["a:1", "a:1", "b:2"] {
        let body = json!({ "service": "fcm", "token": token });
        let answer = target.call(Method::PUT, &path, phone.headers(), Some(body)).await;
        assert_eq!((answer.status.as_u16(), answer.body), (204, json!(null)));
    }
    let nonsense = json!({ "service": "fcm", "token": "two words" });
    let answer = target.call(Method::PUT, &path, phone.headers(), Some(nonsense)).await;
    assert_eq!(answer.code(), "push-token-invalid");
    for _ in 0..2 {
        assert_eq!(target.call(Method::DELETE, &path, phone.headers(), None).await.status, 204);
    }
}
