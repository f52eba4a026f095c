//! The demo: a fashion web shop with believable customers, so that a first look shows a desk at work. Only under
//! `serve --demo`, and only into a folder that has no app yet. The data stands in `demo/shop.toml`, its FAQ in
//! `demo/faq/`; it is written through the same commands as everything else, with times of the last days.

use std::collections::BTreeMap;

use beistand_protocol::{
    AgentId, ConversationId, DeviceId, FieldValue, Fields, Lane, MessageId, OpenConversation, OperationId, PersonId,
    Priority, ReadMarks, SendMessage, Status, UnixMillis, Visibility,
    agent::{Agent, AgentMessage, Role},
    message::FirstMessage,
};
use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::{
    clock::{self, Clock},
    config::{DeskConfig, ServerConfig},
    desk::digest::{self, Digest},
    faq::{self, editing},
    identity::KeyMaterial,
    passwords,
    server::{self, Server},
    store::{
        ActingAgent, AppId, Command, Operation, Store, StoreError,
        command::{AgentCommand, AgentWrite, PersonCommand, PersonWrite, RegisterDevice},
    },
};

/// The name and the key of the demo's app.
pub const APP: &str = "demo";

/// The password of the demo's agents.
pub const PASSWORD: &str = "demo";

/// The name of the key that the demo's app takes tokens of, and its secret: as public as the agents' password.
pub const TOKEN_KID: &str = "demo";
/// See [`TOKEN_KID`].
pub const TOKEN_SECRET: &str = "beistand-demo: no secret, for laptops only";

const SHOP: &str = include_str!("../demo/shop.toml");

static FAQ: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/demo/faq");

const MINUTE: i64 = 60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shop {
    desk: DeskConfig,
    agents: Vec<ShopAgent>,
    customers: Vec<Customer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShopAgent {
    name: String,
    role: Role,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Customer {
    name: String,
    locale: String,
    platform: String,
    conversations: Vec<Talk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Talk {
    subject: String,
    category: String,
    #[serde(default)]
    priority: Priority,
    status: Status,
    hours_ago: i64,
    #[serde(default)]
    fields: BTreeMap<String, FieldValue>,
    text: String,
    #[serde(default)]
    messages: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// `person`, or an agent's name.
    by: String,
    /// Minutes after the line before.
    after: i64,
    #[serde(default)]
    note: bool,
    text: String,
}

fn shop() -> Result<Shop, StoreError> {
    toml::from_str(SHOP).map_err(|error| StoreError::Failed(format!("the demo's data: {error}")))
}

/// Puts the shop's categories and fields into the configuration, unless it has its own for the app `demo`.
pub fn configure(config: &mut ServerConfig) {
    if let Ok(shop) = shop() {
        config.apps.entry(APP.to_owned()).or_insert(shop.desk);
    }
}

/// Fills an empty store; one that has an app already is left alone.
pub async fn seed(server: &Server) -> Result<(), StoreError> {
    let (store, clock) = (server.store(), server.clock());
    if !store.apps().await?.is_empty() {
        return Ok(());
    }
    let shop = shop()?;
    let app = server::add_app(&*store, &*clock, APP, APP).await?;
    let key = KeyMaterial::from_secret(TOKEN_SECRET.as_bytes())
        .map_err(|fault| StoreError::Failed(format!("the demo's key: {fault}")))?;
    server::add_identity_key(&*store, &*clock, app.id, TOKEN_KID, key).await?;
    let mut seeding = Seeding { store: &*store, clock: &*clock, app: app.id, now: clock.now(), agents: Vec::new() };
    for agent in shop.agents {
        let hash = passwords::hash(PASSWORD, clock::random(&*clock)).map_err(StoreError::Failed)?;
        let agent = server::add_agent(&*store, &*clock, app.id, &agent.name, hash, agent.role).await?;
        seeding.agents.push(agent);
    }
    for customer in shop.customers {
        seeding.customer(customer).await?;
    }
    publish_faq(&*store, &*clock, app.id).await
}

async fn publish_faq(store: &dyn Store, clock: &dyn Clock, app: AppId) -> Result<(), StoreError> {
    let import = faq::read_folder(&faq::Embedded(&FAQ), &Default::default())
        .map_err(|faults| StoreError::Failed(format!("the demo's FAQ: {faults}")))?;
    editing::import(store, clock, app, import, false).await?;
    editing::publish(store, clock, app, None).await?;
    Ok(())
}

struct Seeding<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    app: AppId,
    now: UnixMillis,
    agents: Vec<Agent>,
}

/// Whose device writes, and how much it has written in a lane.
struct Writer {
    person: PersonId,
    device: DeviceId,
    conversation: ConversationId,
    lane_seq: u64,
}

impl Seeding<'_> {
    fn random(&self) -> [u8; 10] {
        clock::random(self.clock)
    }

    async fn customer(&self, customer: Customer) -> Result<(), StoreError> {
        let first = customer.conversations.iter().map(|talk| talk.hours_ago).max().unwrap_or(0);
        let at = self.now.plus(-(first * 60 + 2) * MINUTE);
        let (device, person) = (DeviceId::mint(at, self.random()), PersonId::mint(at, self.random()));
        let register = RegisterDevice {
            app: self.app,
            device,
            person,
            name: Some(customer.name),
            // Of a secret that nobody knows: the sample customers cannot be signed in as.
            secret_hash: clock::random(self.clock),
            platform: Some(customer.platform),
            locale: Some(customer.locale),
            at,
        };
        self.store.apply(Command::RegisterDevice(register)).await?;
        for talk in customer.conversations {
            self.talk(person, device, talk).await?;
        }
        Ok(())
    }

    async fn talk(&self, person: PersonId, device: DeviceId, talk: Talk) -> Result<(), StoreError> {
        let mut at = self.now.plus(-talk.hours_ago * 60 * MINUTE);
        let conversation = ConversationId::mint(at, self.random());
        let mut writer = Writer { person, device, conversation, lane_seq: 0 };
        let open = OpenConversation {
            subject: talk.subject,
            category: Some(talk.category),
            priority: talk.priority,
            fields: Fields::from_iter(talk.fields),
            message: FirstMessage {
                id: MessageId::mint(at, self.random()),
                text: talk.text,
                attachments: Vec::new(),
                sent_at: Some(at),
            },
        };
        self.person(&mut writer, at, digest::open(conversation, &open), PersonWrite::Open(open)).await?;
        let mut last_agent = None;
        for line in talk.messages {
            at = at.plus(line.after * MINUTE);
            let id = MessageId::mint(at, self.random());
            if line.by == "person" {
                let body = SendMessage { text: line.text, attachments: Vec::new(), sent_at: Some(at) };
                let digest = digest::send(conversation, id, &body);
                self.person(&mut writer, at, digest, PersonWrite::Send(id, body)).await?;
                continue;
            }
            let Some(agent) = self.agents.iter().find(|agent| agent.name == line.by) else {
                return Err(StoreError::Failed(format!("the demo's data: there is no agent {}", line.by)));
            };
            last_agent = Some(agent);
            let visibility = if line.note { Visibility::Agents } else { Visibility::All };
            let body = AgentMessage { text: line.text, attachments: Vec::new(), visibility };
            let digest = digest::agent_message(conversation, id, &body);
            let read = ReadMarks { delivered_seq: 0, read_seq: u64::MAX };
            self.agent(agent, conversation, at, AgentWrite::Read(read)).await?;
            self.agent(agent, conversation, at, AgentWrite::Send { id, body, digest, check: Ok(()) }).await?;
        }
        if let Some(agent) = last_agent.filter(|_| talk.status != Status::Open) {
            self.agent(agent, conversation, at.plus(2 * MINUTE), AgentWrite::SetStatus(talk.status)).await?;
        }
        Ok(())
    }

    async fn person(
        &self,
        writer: &mut Writer,
        at: UnixMillis,
        digest: Digest,
        write: PersonWrite,
    ) -> Result<(), StoreError> {
        writer.lane_seq += 1;
        let operation = Operation {
            id: OperationId::mint(at, self.random()),
            device: writer.device,
            lane: Lane::Conversation(writer.conversation),
            lane_seq: writer.lane_seq,
        };
        let command = PersonCommand {
            app: self.app,
            person: writer.person,
            operation,
            epoch: None,
            digest,
            check: Ok(()),
            at,
            conversation: writer.conversation,
            write,
        };
        self.store.apply(Command::Person(Box::new(command))).await.map(drop)
    }

    async fn agent(
        &self,
        agent: &Agent,
        conversation: ConversationId,
        at: UnixMillis,
        write: AgentWrite,
    ) -> Result<(), StoreError> {
        let agent = ActingAgent { id: AgentId(agent.id.0), name: agent.name.clone() };
        let command = AgentCommand { app: self.app, agent, at, conversation, write };
        self.store.apply(Command::Agent(Box::new(command))).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_faq_can_be_imported_in_two_languages() {
        let import = faq::read_folder(&faq::Embedded(&FAQ), &Default::default()).unwrap();
        for locale in ["de", "en"] {
            assert!(import.locales[&locale.parse().unwrap()].articles.len() >= 60, "{locale}");
        }
    }

    #[test]
    fn the_sample_data_keeps_its_own_rules() {
        let mut config = ServerConfig::default();
        configure(&mut config);
        config.validate().unwrap();
        let announced = config.app_config(APP);
        let shop = shop().unwrap();
        assert!(shop.customers.len() >= 8);
        for talk in shop.customers.iter().flat_map(|customer| &customer.conversations) {
            let open = OpenConversation {
                subject: talk.subject.clone(),
                category: Some(talk.category.clone()),
                priority: talk.priority,
                fields: talk.fields.clone(),
                message: FirstMessage {
                    id: MessageId::mint(UnixMillis(1), [0; 10]),
                    text: talk.text.clone(),
                    attachments: Vec::new(),
                    sent_at: None,
                },
            };
            announced.check_open(&open).unwrap();
        }
    }
}
