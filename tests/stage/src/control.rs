//! The calls that a test makes: worlds come, act and go. What a test asks for wrongly is a fault of the test, and is
//! answered with 400 and a sentence that its report can show.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::step::Step;
use crate::world::World;

#[derive(Default)]
struct Stage {
    worlds: Mutex<(u64, HashMap<u64, Arc<World>>)>,
}

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

/// Bytes of a step: the longest is a list of articles.
const STEP_BYTES: usize = 64 * 1024 * 1024;

pub(crate) fn router() -> Router {
    Router::new()
        .route("/worlds", post(create))
        .route("/worlds/{id}", delete(remove))
        .route("/worlds/{id}/do", post(act))
        .layer(DefaultBodyLimit::max(STEP_BYTES))
        .with_state(Arc::new(Stage::default()))
}

fn refused(said: impl std::fmt::Display) -> (StatusCode, Json<Value>) {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": said.to_string() })))
}

impl Stage {
    fn world(&self, id: u64) -> Result<Arc<World>, (StatusCode, Json<Value>)> {
        let worlds = self.worlds.lock().unwrap_or_else(PoisonError::into_inner);
        worlds.1.get(&id).cloned().ok_or_else(|| refused("there is no such world"))
    }
}

async fn create(State(stage): State<Arc<Stage>>) -> Answer {
    let world = World::start().await.map_err(refused)?;
    let (server, direct) = (world.proxied(), world.direct());
    let mut worlds = stage.worlds.lock().unwrap_or_else(PoisonError::into_inner);
    worlds.0 += 1;
    let id = worlds.0;
    worlds.1.insert(id, Arc::new(world));
    Ok(Json(json!({ "id": id, "server": server, "direct": direct, "app_key": World::APP_KEY })))
}

async fn remove(State(stage): State<Arc<Stage>>, Path(id): Path<u64>) -> Answer {
    let world = stage.world(id)?;
    stage.worlds.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&id);
    world.end().await;
    Ok(Json(json!({})))
}

async fn act(State(stage): State<Arc<Stage>>, Path(id): Path<u64>, Json(step): Json<Value>) -> Answer {
    let step: Step = serde_json::from_value(step).map_err(refused)?;
    let world = stage.world(id)?;
    world.act(step).await.map(Json).map_err(refused)
}
