//! `States.MathAdd` and `States.MathRandom`. Both round their arguments first.

use std::cell::RefCell;

use serde_json::Value;

use super::arguments::Arguments;
use crate::entropy::Entropy;

pub(super) fn add(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    let (left, right) = (arguments.rounded(0)?, arguments.rounded(1)?);
    let sum = left.checked_add(right);
    sum.map(Value::from).ok_or_else(|| format!("expected {left} + {right} to be a 64-bit integer"))
}

/// A whole number from the start to below the end; the same one for the same seed, when one is given.
pub(super) fn random(arguments: &Arguments<'_, '_>, entropy: &RefCell<Entropy>) -> Result<Value, String> {
    let (start, end) = (arguments.rounded(0)?, arguments.rounded(1)?);
    if start >= end {
        return Err(format!("expected an end above the start {start}, found {end}"));
    }
    let drawn = if arguments.len() > 2 {
        let seed = arguments.rounded(2)?.cast_unsigned();
        Entropy::from_seed([spread(seed), spread(!seed)]).next_in(start, end)
    } else {
        entropy.borrow_mut().next_in(start, end)
    };
    Ok(Value::from(drawn))
}

/// Spreads a seed over all 64 bits, as a step of SplitMix64 does: authors choose seeds such as 1 and 2, which
/// lie too close together to start a stream.
fn spread(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
