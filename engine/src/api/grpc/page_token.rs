//! Page tokens: opaque to clients, a place in an order to us. Places do not shift when new rows arrive.

use tonic::Status;

use super::status::required;

/// Page size when none is asked for, and the largest that may be.
const PAGE_SIZES: (u32, u32) = (100, 1_000);

/// The page size to use.
pub(super) fn page_size(asked: u32) -> u32 {
    let (default, max) = PAGE_SIZES;
    if asked == 0 { default } else { asked.min(max) }
}

/// A token for a number.
pub(super) fn of_number(number: u64) -> String {
    format!("{number:x}")
}

/// The number behind a token; none for no token.
pub(super) fn number(token: &str) -> Result<Option<u64>, Status> {
    if required("page_token", token).is_err() {
        return Ok(None);
    }
    u64::from_str_radix(token, 16)
        .map(Some)
        .map_err(|_| Status::invalid_argument(format!("expected a page token of an answer before, found '{token}'")))
}
