//! The agent API. Every handler but sign-in takes [`ForAgent`](super::extract::ForAgent) first, so that nothing is
//! looked at before the session.

mod agents;
mod attachments;
mod conversations;
mod faq_counts;
mod keys;
mod messages;
mod realtime;
mod session;
mod sync;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::State;

pub(super) fn documented() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(session::sign_in, session::who, session::sign_out))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::remove))
        .routes(routes!(agents::list))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::get))
        .routes(routes!(conversations::assign))
        .routes(routes!(conversations::set_status))
        .routes(routes!(conversations::mark_read))
        .routes(routes!(messages::history))
        .routes(routes!(messages::send))
        .routes(routes!(sync::sync))
        .routes(routes!(realtime::realtime))
        .routes(routes!(attachments::download))
        .routes(routes!(attachments::thumbnail))
        .routes(routes!(faq_counts::counts))
}
