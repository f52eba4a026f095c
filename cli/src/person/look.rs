//! Looking: what is in the local store, offline too.

use std::time::Duration;

use beistand_core::protocol::{AppConfig, ConversationId, fields::FieldKind};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{Phone, code_of_row};
use crate::{exit::Failure, human, json as shapes};

/// Messages that a window is widened by; the largest page of history that a server gives.
const MORE: u32 = 100;

/// Reading everything that is on the disk is done long before. What only the server has is left out unless asked for.
const FROM_DISK: Duration = Duration::from_secs(1);

/// Fetching a long history page by page.
const FROM_SERVER: Duration = Duration::from_secs(300);

impl Phone<'_> {
    pub(super) async fn list(&mut self) -> Result<(), Failure> {
        let list = self.client.conversations().list().await?;
        if list.is_empty() {
            self.output
                .remark("No conversations here yet. `beistand open` begins one; `beistand sync` fetches what is new.");
        }
        for conversation in &list {
            self.output
                .tell(|| shapes::conversation(conversation), |width| human::conversation(conversation, width))?;
        }
        Ok(())
    }

    pub(super) async fn show(&mut self, id: ConversationId, all: bool) -> Result<(), Failure> {
        let conversation = self.client.conversations().get(id).await?;
        let mut timeline = self.client.conversations().timeline(id).await?;
        let until = Instant::now() + if all { FROM_SERVER } else { FROM_DISK };
        while timeline.has_earlier() {
            match timeout_at(until, timeline.load_earlier(MORE)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) if all => return Err(error.into()),
                // Only the server has more, and it is not here.
                Ok(Err(_)) | Err(_) => break,
            }
        }
        let items = self.client.outbox().items().await?;
        let mut document = shapes::conversation(&conversation);
        document["has_earlier"] = timeline.has_earlier().into();
        self.output.tell(|| json!({"conversation": document}), |width| human::title(&conversation, width))?;
        if timeline.has_earlier() {
            self.output.tell_person(|_| "\n  (older messages are at the server: show --all)".into())?;
        }
        for message in timeline.messages() {
            let code = code_of_row(&items, message.id);
            self.output.tell(
                || json!({"message": shapes::message(message, code)}),
                |width| human::message(message, code, width),
            )?;
        }
        Ok(())
    }

    pub(super) async fn config(&mut self) -> Result<(), Failure> {
        let (config, announced) = self.client.app_config().await?;
        let document = || {
            let mut document = serde_json::to_value(&config).unwrap_or_default();
            document["announced"] = announced.into();
            document
        };
        self.output.tell(document, |width| described(&config, announced, width))
    }
}

fn described(config: &AppConfig, announced: bool, width: usize) -> String {
    let mut lines = Vec::new();
    if !announced {
        lines.push("The server has not been asked yet: these are the defaults. `beistand sync` asks it.".to_owned());
    }
    lines.push("Categories".to_owned());
    for category in &config.categories {
        lines.push(human::parts(&[category.id.clone(), labels(&category.label)], width));
    }
    lines.push("Fields".to_owned());
    for field in &config.fields {
        let kind = match field.kind {
            FieldKind::Text => "text".to_owned(),
            FieldKind::Number => "number".to_owned(),
            FieldKind::Choice => format!("one of {}", field.choices.join(", ")),
            FieldKind::Date => "date, YYYY-MM-DD".to_owned(),
            FieldKind::Bool => "yes or no".to_owned(),
        };
        let required = if field.required { "required" } else { "" };
        lines.push(human::parts(&[field.key.clone(), kind, required.to_owned(), labels(&field.label)], width));
    }
    lines.push("Limits".to_owned());
    if let Ok(Value::Object(limits)) = serde_json::to_value(config.limits) {
        lines.extend(limits.iter().map(|(name, value)| format!("  {name:<18} {value:>6}")));
    }
    lines.join("\n")
}

fn labels(labels: &std::collections::BTreeMap<String, String>) -> String {
    labels.values().map(|label| human::one_line(label, 40)).collect::<Vec<_>>().join(" / ")
}
