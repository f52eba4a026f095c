//! JSON of the wire: what can be read can be written, and reads as the same again. The phone stores what it has read, so
//! a value that changes on the way through its own text would differ from the server's.

use std::fmt::Debug;

use beistand_protocol::{
    AppConfig, ClientFrame, Conversation, Device, Message, MessagePage, OpenConversation, Opened, Problem, Receipts,
    RegisterDevice, Retraction, SendMessage, ServerFrame, StatusChange, SyncPage, Withdrawn,
    agent::{AgentMessage, ConversationPage},
    push::PushToken,
};
use serde::{Serialize, de::DeserializeOwned};

/// Bodies and frames of every kind.
pub fn wire(data: &[u8]) {
    survives::<Message>(data);
    survives::<MessagePage>(data);
    survives::<Retraction>(data);
    survives::<Conversation>(data);
    survives::<ConversationPage>(data);
    survives::<Opened>(data);
    survives::<Withdrawn>(data);
    survives::<Receipts>(data);
    survives::<StatusChange>(data);
    survives::<OpenConversation>(data);
    survives::<SendMessage>(data);
    survives::<AgentMessage>(data);
    survives::<AppConfig>(data);
    survives::<Device>(data);
    survives::<RegisterDevice>(data);
    survives::<PushToken>(data);
    survives::<ServerFrame>(data);
    survives::<ClientFrame>(data);
    survives::<Problem>(data);
    if let Ok(open) = serde_json::from_slice::<OpenConversation>(data) {
        // Whatever the draft holds, the answer is yes or a violation.
        let _ = AppConfig::default().check_open(&open);
    }
}

/// A page of sync.
pub fn sync_page(data: &[u8]) {
    survives::<SyncPage>(data);
}

fn survives<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again = serde_json::from_slice::<T>(&written).expect("what was written can be read");
    assert_eq!(again, read, "it changed on its way through {}", String::from_utf8_lossy(&written));
}
