//! The way to the server: a [`transport::Transport`] carries requests, [`http`] is the real one, `calls` are the
//! requests that are not writes of the outbox.

pub(crate) mod answer;
pub(crate) mod calls;
pub mod http;
pub mod tls;
pub mod transport;
