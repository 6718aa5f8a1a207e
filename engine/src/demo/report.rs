//! What the demo came to, and whether that is as it should be.

use stepwell_proto::v1::{Execution, ExecutionStatus};

use super::scenario::Scenario;
use super::shop::{Books, OrderAccount, ProductAccount};
use super::trace::Trace;

/// A run of the saga that has ended.
#[derive(Debug, Clone)]
pub struct Saga {
    /// Which one.
    pub scenario: Scenario,
    /// Its execution, as it ended.
    pub execution: Execution,
    /// What it did.
    pub trace: Trace,
}

/// Everything there is to tell.
#[derive(Debug, Clone)]
pub struct Report {
    /// The runs, in the order of [`Scenario::ALL`].
    pub sagas: Vec<Saga>,
    /// The shop's books before them.
    pub before: Books,
    /// The shop's books after them.
    pub after: Books,
    /// Everything that is not as it should be, a sentence each.
    pub problems: Vec<String>,
}

impl Report {
    /// Compares what happened with what should have.
    #[must_use]
    pub fn new(sagas: Vec<Saga>, before: Books, after: Books) -> Self {
        let mut report = Self { sagas, before, after, problems: Vec::new() };
        let mut problems: Vec<String> = report.sagas.iter().flat_map(|saga| report.of_saga(saga)).collect();
        problems.extend(report.of_stock());
        problems.extend(report.after.check());
        report.problems = problems;
        report
    }

    /// Whether all is as it should be.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.problems.is_empty()
    }

    /// What the shop's books say about a saga's order.
    #[must_use]
    pub fn account(&self, saga: &Saga) -> OrderAccount {
        self.after.orders.get(saga.scenario.name()).cloned().unwrap_or_default()
    }

    fn of_saga(&self, saga: &Saga) -> Vec<String> {
        let name = saga.scenario.name();
        let mut problems = Vec::new();
        let status = saga.execution.status();
        if status != ExecutionStatus::Succeeded {
            problems.push(format!("{name}: expected it to succeed, found {}", status.as_str_name()));
        }
        if saga.trace.path() != saga.scenario.path() {
            let (expected, found) = (saga.scenario.path(), saga.trace.path());
            problems.push(format!("{name}: expected the states {expected:?}, found {found:?}"));
        }
        let (expected, found) = (saga.scenario.order_status(), self.account(saga).status);
        if found != Some(expected) {
            problems.push(format!("{name}: expected the order to be {expected:?}, found {found:?}"));
        }
        problems
    }

    /// The stock is down by what was bought, and by nothing else.
    fn of_stock(&self) -> Vec<String> {
        let check = |(product, before): (&String, &ProductAccount)| {
            let bought: i64 = Scenario::ALL.iter().map(|scenario| scenario.buys(product)).sum();
            let expected = before.available - bought;
            let found = self.after.products.get(product).map(|after| after.available);
            (found != Some(expected))
                .then(|| format!("{product}: expected {expected} in stock afterwards, found {found:?}"))
        };
        self.before.products.iter().filter_map(check).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_as_it_should_be_is_told() {
        let saga =
            Saga { scenario: Scenario::OutOfStock, execution: Execution::default(), trace: Trace::default() };
        let books = |available| {
            let account = ProductAccount { initial: 100, available, ..ProductAccount::default() };
            Books { products: [("prod_222".to_owned(), account)].into(), ..Books::default() }
        };
        let report = Report::new(vec![saga], books(100), books(97));
        assert!(!report.ok());
        let expected = [
            "out-of-stock: expected it to succeed, found EXECUTION_STATUS_UNSPECIFIED",
            "out-of-stock: expected the states [(\"ReserveInventory\", Some(\"InsufficientInventory\")), \
             (\"NotifyOutOfStock\", None)], found []",
            "out-of-stock: expected the order to be OutOfStock, found None",
            "prod_222: expected 98 in stock afterwards, found Some(97)",
            "prod_222: expected available + reserved + sold = 100, found 97 + 0 + 0",
        ];
        assert_eq!(report.problems, expected);
    }
}
