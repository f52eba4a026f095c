//! Every short order of logins, logouts, writes, networks and restarts, and seeded longer ones. A run that fails prints
//! the command that plays it again.

use std::sync::atomic::{AtomicU64, Ordering};

use beistand_e2e::identities::{orders, play, play_seed};
use beistand_e2e::seeds::{number, play_all};
use beistand_test_support::network::Weather;

/// Steps of the longest orders that are played with every test; `BEISTAND_STEPS` asks for another number.
const STEPS: usize = 4;
/// Of the longest orders every so many-th is played, all of them with `BEISTAND_FULL=1` or a number of steps that was asked
/// for; shorter ones are all played each time.
const EVERY: usize = 5;
/// Seeded orders that are played with every test; `BEISTAND_IDENTITIES` asks for another number.
const SEEDS: u64 = 150;

fn listen() {
    let _ = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).try_init();
}

#[test]
fn no_order_of_logins_and_logouts_shows_or_sends_what_is_somebody_elses() {
    let longest = number("BEISTAND_STEPS").and_then(|steps| usize::try_from(steps).ok()).unwrap_or(STEPS);
    let mut orders = orders(longest);
    if number("BEISTAND_STEPS").is_none() && number("BEISTAND_FULL").is_none() {
        let mut long = 0;
        orders.retain(|order| {
            long += usize::from(order.len() == longest);
            order.len() < longest || long % EVERY == 0
        });
    }
    if let Some(order) = number("BEISTAND_ORDER").and_then(|order| usize::try_from(order).ok()) {
        listen();
        play(&orders[order], order as u64, Weather::CALM).unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
        return;
    }
    let played = AtomicU64::new(0);
    let (report, failed) = play_all(0..orders.len() as u64, |order| {
        played.fetch_add(1, Ordering::Relaxed);
        play(&orders[usize::try_from(order).unwrap_or_default()], order, Weather::CALM)
    });
    println!("{} orders of at most {longest} steps: {report:?}", orders.len());
    for (order, faults) in failed.iter().take(10) {
        println!("order {order}: {}", faults.join("\n  "));
        println!(
            "  again: BEISTAND_ORDER={order} cargo test -p beistand-e2e --test identities no_order (beside what else was set)"
        );
    }
    assert!(failed.is_empty(), "{} of {} orders failed", failed.len(), orders.len());
    assert!(report.messages > 0 && report.discarded > 0 && report.identities > orders.len() as u64);
}

#[test]
fn long_orders_in_any_weather_keep_users_apart() {
    if let Some(seed) = number("BEISTAND_SEED") {
        listen();
        play_seed(seed).unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
        return;
    }
    let seeds = number("BEISTAND_IDENTITIES").unwrap_or(SEEDS);
    let first = number("BEISTAND_FIRST_SEED").unwrap_or(0);
    let (report, failed) = play_all(first..first + seeds, play_seed);
    println!("{seeds} orders: {report:?}");
    for (seed, faults) in failed.iter().take(10) {
        println!("seed {seed}: {}", faults.join("\n  "));
        println!("  again: BEISTAND_SEED={seed} cargo test -p beistand-e2e --test identities long_orders");
    }
    assert!(failed.is_empty(), "{} of {seeds} orders failed", failed.len());
    assert!(report.unconfirmed > 0, "no user was ever unknown to the server");
}
