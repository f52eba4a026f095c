//! What the tests stand on: a disk that loses power, a network with weather, virtual time, seeded chance, and a whole
//! small world of one phone and one server in one process; for the rest, real processes and a proxy that breaks
//! connections.

pub mod chance;
pub mod clock;
pub mod desk;
pub mod disk;
pub mod folder;
pub mod identity;
pub mod network;
pub mod process;
pub mod proxy;
pub mod world;
