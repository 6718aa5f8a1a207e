//! The interpreter against what the real service was recorded to do.
//!
//! The recordings are not part of the project: the test runs when they stand beside it, in
//! `../shared/conformance`. A case that fails is a fault, unless `conformance/KNOWN.md` gives the reason.

use std::collections::BTreeMap;
use std::path::Path;

use stepwell_tests::conformance::case::read_folder;
use stepwell_tests::conformance::verdict::{Verdict, judge};

/// What came of the cases of one file.
#[derive(Default)]
struct Tally {
    passed: usize,
    known: usize,
    failed: usize,
    not_supported: BTreeMap<String, usize>,
}

/// The ids that `KNOWN.md` lists, one per line that begins with a dash and an id in backquotes.
fn known() -> Vec<String> {
    let listed = include_str!("../conformance/KNOWN.md").lines().filter_map(|line| line.strip_prefix("- `"));
    listed.filter_map(|line| line.split_once('`')).map(|(id, _)| id.to_owned()).collect()
}

#[test]
fn recorded_executions_come_out_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/asl");
    if !folder.is_dir() {
        println!("no recordings at {}: nothing to compare with", folder.display());
        return;
    }
    let cases = read_folder(&folder).unwrap();
    let known = known();
    let (mut tallies, mut faults): (BTreeMap<String, Tally>, Vec<String>) = Default::default();
    for case in &cases {
        let tally = tallies.entry(case.file.clone()).or_default();
        match (judge(case), known.contains(&case.id)) {
            (Verdict::Passed, false) => tally.passed += 1,
            (Verdict::Passed, true) => {
                faults.push(format!("{}: passes, so take it out of KNOWN.md", case.id))
            }
            (Verdict::NotSupportedYet(what), _) => *tally.not_supported.entry(what).or_default() += 1,
            (Verdict::Failed(_), true) => tally.known += 1,
            (Verdict::Failed(difference), false) => {
                tally.failed += 1;
                faults.push(format!("{}: {difference}", case.id));
            }
        }
    }
    for (file, tally) in &tallies {
        let waiting: usize = tally.not_supported.values().sum();
        let Tally { passed, known, failed, .. } = tally;
        println!("{file}: {passed} passed, {failed} failed, {known} known, {waiting} not supported yet");
        tally.not_supported.iter().for_each(|(what, count)| println!("    {count} × {what}"));
    }
    assert!(tallies.values().any(|tally| tally.passed > 0), "no case ran");
    assert!(faults.is_empty(), "{} cases differ from the recordings:\n{}", faults.len(), faults.join("\n"));
}
