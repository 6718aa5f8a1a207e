//! `ErrorEquals`: the error names a retrier or a catcher is for.

use std::sync::Arc;

use super::fields::{Cursor, Fields};
use super::{Code, lint};
use crate::error_name;

/// Reads the list. `States.ALL` matches everything, so it stands alone, and nothing may come after it.
pub(super) fn parse(fields: &Fields<'_>, is_last: bool) -> Vec<Arc<str>> {
    let Some(list) = fields.get("ErrorEquals") else { return Vec::new() };
    let names: Vec<Cursor<'_>> = list.filled_list().into_iter().flatten().collect();
    for name in &names {
        lint::reserved_error(name);
        if name.value.as_str() != Some(error_name::ALL) {
            continue;
        }
        if names.len() > 1 {
            let message = format!("expected States.ALL alone, found it among {} error names", names.len());
            name.report(Code::MisplacedStatesAll, message);
        } else if !is_last {
            name.report(
                Code::MisplacedStatesAll,
                "expected States.ALL in the last element, found it before others",
            );
        }
    }
    names.iter().filter_map(Cursor::string).map(Arc::from).collect()
}
