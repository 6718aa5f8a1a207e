//! The power goes, at any moment, and nothing that was acknowledged goes with it.
//!
//! The real server runs order sagas on SQLite while all that it writes and syncs is recorded. Then the disk is
//! made again as hundreds of power cuts could have left it, and each time the database must open, be sound and
//! hold what was acknowledged by then; see `stepwell_tests::power_loss`.
//!
//! `STEPWELL_SEED` chooses the cuts (but the record differs from run to run: the server has threads), and
//! `STEPWELL_CUTS` how many there are; 10000 take some minutes.

#![expect(clippy::print_stdout, reason = "a test says its seed and what it has looked at")]

#[cfg(target_os = "linux")]
mod cuts;
#[cfg(target_os = "linux")]
mod planted;

#[cfg(not(target_os = "linux"))]
#[test]
fn nothing_acknowledged_is_lost_with_the_power() {
    println!("not tested here: what records the writes of the server is made for Linux");
}
