//! Money: whole cents inside, a decimal number in JSON.

use std::fmt;

/// More than any order costs; and every whole number of cents up to here is exact in JSON's numbers.
const CENTS_MAX: f64 = 1e12;

/// An amount of money in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cents(pub i64);

impl Cents {
    /// The amount of a decimal number such as 59.98, rounded to the cent; `None` for a negative one and for one
    /// that is no amount.
    #[must_use]
    pub fn from_decimal(amount: f64) -> Option<Self> {
        let cents = (amount * 100.0).round();
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within the bounds of an i64")]
        (0.0..=CENTS_MAX).contains(&cents).then_some(Self(cents as i64))
    }

    /// The amount as the decimal number that stands in JSON.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 cents, far above CENTS_MAX")]
    pub fn to_decimal(self) -> f64 {
        self.0 as f64 / 100.0
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.to_decimal())
    }
}
