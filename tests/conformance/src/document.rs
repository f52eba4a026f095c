//! The endpoints as `/openapi.json` lists them, and how to fill them in. An endpoint that cannot be filled in fails the
//! test: it must not slip past because nobody has thought of it.

use beistand_protocol::{AttachmentId, ConversationId, MessageId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Headers, Target, id, opening};

/// One endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its method.
    pub method: Method,
    /// Its path with names in braces.
    pub template: String,
    /// `visitor`, `agent` or `operation`.
    pub tag: String,
    /// The names of its security schemes, over all alternatives.
    pub security: Vec<String>,
    /// The name of its body's schema.
    pub body: Option<String>,
}

/// Ids to fill a path in with.
pub struct Ids {
    /// For `{id}`.
    pub conversation: ConversationId,
    /// For `{message_id}`.
    pub message: MessageId,
    /// For `{device_id}`.
    pub device: String,
    /// For `{attachment_id}`.
    pub attachment: AttachmentId,
}

impl Target {
    /// All endpoints of the description.
    pub async fn endpoints(&self) -> Vec<Endpoint> {
        let document = self.call(Method::GET, "/openapi.json", Vec::new(), None).await.body;
        let paths = document["paths"].as_object().expect("paths");
        let mut endpoints = Vec::new();
        for (template, item) in paths {
            for method in [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
                let operation = &item[method.as_str().to_ascii_lowercase()];
                if !operation.is_null() {
                    endpoints.push(Endpoint::read(method, template, operation));
                }
            }
        }
        assert!(endpoints.len() > 25, "the description has {} endpoints only", endpoints.len());
        endpoints
    }
}

impl Endpoint {
    fn read(method: Method, template: &str, operation: &Value) -> Self {
        let security = operation["security"].as_array().into_iter().flatten();
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        Self {
            method,
            template: template.to_owned(),
            tag: operation["tags"][0].as_str().unwrap_or_default().to_owned(),
            security: security.filter_map(Value::as_object).flat_map(|one| one.keys().cloned()).collect(),
            body: schema.as_str().and_then(|name| name.rsplit('/').next()).map(str::to_owned),
        }
    }

    /// Whether it needs the scheme.
    pub fn needs(&self, scheme: &str) -> bool {
        self.security.iter().any(|name| name == scheme)
    }

    /// Its path with ids.
    pub fn path(&self, ids: &Ids) -> String {
        let path = self
            .template
            .replace("{id}", &ids.conversation.to_string())
            .replace("{message_id}", &ids.message.to_string())
            .replace("{device_id}", &ids.device)
            .replace("{attachment_id}", &ids.attachment.to_string())
            .replace("{report_id}", &id())
            .replace("{article_id}", "returns")
            .replace("{key_id}", "0123456789ab")
            .replace("{locale}", "de")
            .replace("{sha256}", &"0".repeat(64));
        assert!(!path.contains('{'), "the test does not know how to fill in {}", self.template);
        path
    }

    /// Headers that it needs beside those that say who asks.
    pub fn headers(&self) -> Headers {
        let mut headers = Headers::new();
        if self.template.contains("/uploads") {
            headers.push(("tus-resumable", "1.0.0".into()));
        }
        if self.template.contains("/uploads/") && self.method == Method::PATCH {
            headers.push(("content-type", "application/offset+octet-stream".into()));
            headers.push(("upload-offset", "0".into()));
        }
        headers
    }

    /// A body that the server would take from somebody who may.
    pub fn fitting_body(&self) -> Option<Value> {
        let schema = self.body.as_deref()?;
        Some(match schema {
            "RegisterDevice" => json!({ "secret": "cd".repeat(32) }),
            "LogIn" => json!({ "token": "a.b.c" }),
            "PushToken" => json!({ "service": "fcm", "token": "conformance" }),
            "OpenConversation" => opening(&id()),
            "SendMessage" | "EditMessage" => json!({ "text": "Hello" }),
            "StatusChange" => json!({ "status": "closed" }),
            "ReadMarks" => json!({ "read_seq": 1 }),
            "ArticleFeedback" => json!({ "helpful": true, "locale": "de", "version": 1 }),
            "FaqReport" => json!({ "views": [{ "article": "returns", "locale": "de", "count": 1 }] }),
            "SignIn" => json!({ "name": "nobody", "password": "wrong" }),
            "CreateApiKey" => json!({ "label": "conformance" }),
            "AgentMessage" => json!({ "text": "Hello" }),
            "Assign" => json!({ "agent_id": null }),
            other => panic!("the test does not know a body for {} {} ({other})", self.method, self.template),
        })
    }
}
