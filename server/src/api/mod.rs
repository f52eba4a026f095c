//! The HTTP API: one file per resource. A handler reads the request, asks the rules, sends a command or a query to the
//! store, and answers; it decides nothing that the store's transaction must decide.

pub(crate) mod agent;
pub(crate) mod attachments;
mod config;
mod conversations;
mod devices;
pub(crate) mod extract;
mod faq;
mod faq_feedback;
mod health;
mod identity;
pub(crate) mod limits;
mod messages;
mod metrics;
mod observe;
mod openapi;
pub(crate) mod problem;
mod push;
mod read;
mod realtime;
mod status;
mod sync;
pub(crate) mod uploads;

use std::sync::Arc;

use axum::{Router, middleware};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, DefaultPredicate, Predicate as _},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::server::Shared;

/// What every handler gets.
pub(crate) type State = Arc<Shared>;

fn documented() -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(devices::register, devices::sign_off))
        .routes(routes!(identity::log_in))
        .routes(routes!(push::set, push::remove))
        .routes(routes!(config::config))
        .routes(routes!(faq::index))
        .routes(routes!(faq::publication))
        .routes(routes!(faq::image))
        .routes(routes!(conversations::get, conversations::open, conversations::withdraw))
        .routes(routes!(messages::history))
        .routes(routes!(messages::send, messages::edit, messages::retract))
        .routes(routes!(status::set))
        .routes(routes!(read::mark))
        .routes(routes!(sync::sync))
        .routes(routes!(realtime::realtime))
        .routes(routes!(attachments::download))
        .routes(routes!(attachments::thumbnail))
        .routes(routes!(faq_feedback::rate))
        .routes(routes!(faq_feedback::report))
        .merge(uploads::documented())
        .merge(agent::documented())
        .routes(routes!(health::health))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::openapi))
}

/// The OpenAPI description, made from the handlers.
pub(crate) fn description() -> utoipa::openapi::OpenApi {
    let (_, mut description) = documented().split_for_parts();
    openapi::finish(&mut description);
    description
}

/// The whole API.
pub(crate) fn router(shared: State) -> Router {
    let (router, _) = documented().split_for_parts();
    router
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(shared.clone(), observe::gate))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn_with_state(shared.clone(), problem::complete))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(attachments::may_be_compressed)))
        .layer(middleware::from_fn_with_state(shared.clone(), observe::observe))
        .with_state(shared)
}
