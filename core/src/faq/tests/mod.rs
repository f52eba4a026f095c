//! The FAQ as an app sees it, with a server that these tests play.

mod fake;
mod life;
