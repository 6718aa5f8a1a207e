//! Generated parts in a document that people write.
//!
//! Invariant: what stands outside of a part's two markers is never touched.

/// Why a part can't be written into a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A marker is missing, is there twice, or stands behind its end.
    #[error("expected the line {begin:?} once, and {end:?} once behind it")]
    Markers {
        /// The line before the part.
        begin: String,
        /// The line behind it.
        end: String,
    },
}

/// The document with the text between the markers of this part replaced.
///
/// # Errors
/// When the markers are not there as they should be.
pub fn replace(document: &str, part: &str, text: &str) -> Result<String, Error> {
    let (begin, end) = (format!("<!-- bench-report: {part} -->"), format!("<!-- /bench-report: {part} -->"));
    let pieces = document.split_once(&begin).and_then(|(before, rest)| {
        let (_, behind) = rest.split_once(&end)?;
        let once = |marker: &str| document.matches(marker).count() == 1;
        (once(&begin) && once(&end)).then_some((before, behind))
    });
    match pieces {
        Some((before, behind)) => Ok(format!("{before}{begin}\n\n{}\n\n{end}{behind}", text.trim())),
        None => Err(Error::Markers { begin, end }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "# Title\n\n<!-- bench-report: load -->\nold\n<!-- /bench-report: load -->\n\nby hand\n";

    #[test]
    fn only_the_part_is_replaced() {
        let once = replace(DOCUMENT, "load", "\n| new |\n").unwrap();
        let expected =
            "# Title\n\n<!-- bench-report: load -->\n\n| new |\n\n<!-- /bench-report: load -->\n\nby hand\n";
        assert_eq!(once, expected);
        assert_eq!(replace(&once, "load", "| new |").unwrap(), once);
    }

    #[test]
    fn markers_must_be_there_once_and_in_order() {
        let turned = "<!-- /bench-report: load --><!-- bench-report: load -->";
        for document in ["", "<!-- bench-report: load -->", turned, &DOCUMENT.repeat(2)] {
            assert!(replace(document, "load", "").is_err(), "{document}");
        }
        assert!(replace(DOCUMENT, "costs", "").is_err());
    }
}
