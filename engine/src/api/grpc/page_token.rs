//! Page tokens: opaque to clients, a place in an order to us. Places do not shift when new rows arrive.

use tonic::Status;

/// Page size when none is asked for, and the largest that may be.
const PAGE_SIZES: (u32, u32) = (100, 1_000);

/// The largest number in a token: what databases can count to.
const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();

/// How much of a token that is none of ours is shown.
const SHOWN_MAX: usize = 80;

/// The page size to use.
pub(super) fn page_size(asked: u32) -> u32 {
    let (default, max) = PAGE_SIZES;
    if asked == 0 { default } else { asked.min(max) }
}

/// A token for a number.
pub(super) fn of_number(number: u64) -> String {
    format!("{number:x}")
}

/// The number behind a token; none for no token. Only what [`of_number`] may have written is taken.
pub(super) fn number(token: &str) -> Result<Option<u64>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let number = u64::from_str_radix(token, 16).ok().filter(|number| of_number(*number) == token);
    match number {
        Some(1..=NUMBER_MAX) => Ok(number),
        Some(_) | None => Err(unknown(token)),
    }
}

/// The refusal of a token that is none of ours.
pub(super) fn unknown(token: &str) -> Status {
    let shown: String = token.chars().take(SHOWN_MAX).collect();
    Status::invalid_argument(format!("expected page_token to be from an answer before, found '{shown}'"))
}
