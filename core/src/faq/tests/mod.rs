//! The FAQ as an app sees it, with a server that these tests play.

mod blocks;
mod broken;
mod fake;
mod life;
mod pictures;
mod room;
