//! The books: everything the shop knows at one moment, and whether it adds up.
//!
//! Counts of units and the movements they came from are two records of the same thing, as are the status of an
//! order and the ledger; the check compares them. It holds at every moment, also between two steps.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use super::orders::OrderStatus;
use super::{Cents, Error};

/// Everything the shop knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Books {
    /// Every product, by its id.
    pub products: BTreeMap<String, ProductAccount>,
    /// Every order, by the name of the execution that handles it.
    pub orders: BTreeMap<String, OrderAccount>,
    /// What is charged to each customer's card, and what may be.
    pub cards: BTreeMap<String, (Cents, Cents)>,
    /// How many tasks came again and were answered from memory.
    pub repeats: u64,
}

/// Where the units of a product are, and how they came there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductAccount {
    /// What people call it.
    pub name: String,
    /// Units the shop began with.
    pub initial: i64,
    /// Units that can be ordered.
    pub available: i64,
    /// Units reserved for orders that are not decided yet.
    pub reserved: i64,
    /// Units sold.
    pub sold: i64,
    /// Units that were reserved and put back, altogether.
    pub put_back: i64,
}

/// An order and everything that was done for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderAccount {
    /// How far it has come; `None` when units or money moved for an order that is not in the book.
    pub status: Option<OrderStatus>,
    /// The customer's number for it; none for one that was cancelled before it came.
    pub order_id: Option<String>,
    /// What it costs.
    pub total: Cents,
    /// Movements of units: those reserved, sold and released, each in order, by product.
    pub units: BTreeMap<String, Moved>,
    /// Charges, and refunds as negative amounts.
    pub payments: Vec<Cents>,
    /// The kinds of notices that went to the customer.
    pub notices: Vec<String>,
}

/// How units of one product moved for one order: each movement's quantity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moved {
    /// Into reservations.
    pub reserved: Vec<i64>,
    /// From reservations to the customer.
    pub sold: Vec<i64>,
    /// From reservations back.
    pub released: Vec<i64>,
}

impl Moved {
    /// Units still reserved.
    fn held(&self) -> i64 {
        sum(&self.reserved) - sum(&self.sold) - sum(&self.released)
    }
}

impl OrderAccount {
    /// What is charged for it now.
    #[must_use]
    pub fn charged(&self) -> Cents {
        Cents(self.payments.iter().map(|payment| payment.0).sum())
    }
}

fn sum(quantities: &[i64]) -> i64 {
    quantities.iter().sum()
}

impl Books {
    /// Orders that are neither confirmed nor given up: sagas that have not ended.
    pub fn open_orders(&self) -> impl Iterator<Item = &str> {
        let open = |account: &OrderAccount| account.status == Some(OrderStatus::Placed);
        self.orders.iter().filter(move |(_, account)| open(account)).map(|(execution, _)| execution.as_str())
    }

    /// Everything that does not add up, a sentence each; nothing when the books balance.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (product, account) in &self.products {
            self.check_product(product, account, &mut found);
        }
        for (execution, account) in &self.orders {
            check_units(execution, account, &mut found);
            check_status(execution, account, &mut found);
        }
        for (customer, (charged, limit)) in &self.cards {
            if charged > limit {
                found.push(format!("card of {customer}: expected at most {limit} charged, found {charged}"));
            }
        }
        found
    }

    fn check_product(&self, product: &str, account: &ProductAccount, found: &mut Vec<String>) {
        let ProductAccount { initial, available, reserved, sold, .. } = account;
        if available + reserved + sold != *initial {
            found.push(format!(
                "{product}: expected available + reserved + sold = {initial}, found {available} + {reserved} + {sold}"
            ));
        }
        let moved = self.orders.values().filter_map(|order| order.units.get(product));
        let (held, gone) =
            moved.fold((0, 0), |(held, gone), moved| (held + moved.held(), gone + sum(&moved.sold)));
        if (held, gone) != (*reserved, *sold) {
            found.push(format!(
                "{product}: expected {held} reserved and {gone} sold by its movements, found {reserved} and {sold}"
            ));
        }
    }
}

/// Units go into a reservation once, and out of it once, all together.
fn check_units(execution: &str, account: &OrderAccount, found: &mut Vec<String>) {
    for (product, Moved { reserved, sold, released }) in &account.units {
        let once = reserved.len() == 1 && sold.len() + released.len() <= 1;
        let whole = sold.iter().chain(released).all(|out| reserved == &[*out]);
        if !once || !whole {
            found.push(format!(
                "{execution}: expected {product} reserved once, then sold or released once, \
                 found reserved {reserved:?}, sold {sold:?}, released {released:?}"
            ));
        }
    }
}

/// What an order's status says about its units, its payments and its notices.
fn check_status(execution: &str, account: &OrderAccount, found: &mut Vec<String>) {
    let mut expect = |holds: bool, expected: &str, but: &dyn std::fmt::Debug| {
        if !holds {
            found.push(format!("{execution}: expected {expected}, found {but:?}"));
        }
    };
    let charged = account.charged();
    let held: i64 = account.units.values().map(Moved::held).sum();
    let sold: i64 = account.units.values().map(|moved| sum(&moved.sold)).sum();
    let charges = account.payments.iter().filter(|payment| payment.0 > 0).count();
    expect(charges <= 1, "an order to be charged once at most", &account.payments);
    match account.status {
        Some(OrderStatus::Placed) => expect(sold == 0, "nothing sold before the order is confirmed", &sold),
        Some(OrderStatus::Confirmed) => {
            let paid_once = account.payments == [account.total];
            expect(
                paid_once,
                &format!("a confirmed order to be paid once, {}", account.total),
                &account.payments,
            );
            expect(sold > 0 && held == 0, "all goods of a confirmed order sold", &account.units);
        }
        Some(OrderStatus::Cancelled) => {
            expect(held == 0 && sold == 0, "nothing reserved or sold of a cancelled order", &account.units);
            expect(charged == Cents(0), "nothing charged for a cancelled order", &account.payments);
        }
        Some(OrderStatus::OutOfStock) => {
            expect(account.units.is_empty(), "no goods moved for an order out of stock", &account.units);
            expect(
                account.payments.is_empty(),
                "nothing charged for an order out of stock",
                &account.payments,
            );
        }
        None => expect(false, "an order in the book for what was done for it", &account),
    }
    let mut kinds = account.notices.clone();
    kinds.sort();
    kinds.dedup();
    expect(kinds.len() == account.notices.len(), "each notice sent once", &account.notices);
}

impl Books {
    /// Reads them, within a transaction so that all of it is of one moment.
    pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Self, Error> {
        let mut books = Self::default();
        books.read_orders(connection).await?;
        books.read_movements(connection).await?;
        books.read_accounts(connection).await?;
        Ok(books)
    }

    async fn read_orders(&mut self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let orders: Vec<(String, Option<String>, Option<i64>, String)> =
            sqlx::query_as("SELECT execution, order_id, total, status FROM orders")
                .fetch_all(&mut *connection)
                .await?;
        for (execution, order_id, total, status) in orders {
            let account = self.orders.entry(execution).or_default();
            account.status = Some(OrderStatus::read(&status)?);
            account.order_id = order_id;
            account.total = Cents(total.unwrap_or_default());
        }
        let payments: Vec<(String, i64)> = sqlx::query_as("SELECT execution, amount FROM ledger ORDER BY no")
            .fetch_all(&mut *connection)
            .await?;
        for (execution, amount) in payments {
            self.orders.entry(execution).or_default().payments.push(Cents(amount));
        }
        let notices: Vec<(String, String)> =
            sqlx::query_as("SELECT execution, kind FROM notice ORDER BY no").fetch_all(connection).await?;
        for (execution, kind) in notices {
            self.orders.entry(execution).or_default().notices.push(kind);
        }
        Ok(())
    }

    async fn read_movements(&mut self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let movements: Vec<(String, String, String, i64)> =
            sqlx::query_as("SELECT execution, product, kind, quantity FROM movement ORDER BY no")
                .fetch_all(connection)
                .await?;
        for (execution, product, kind, quantity) in movements {
            let moved = self.orders.entry(execution).or_default().units.entry(product).or_default();
            match kind.as_str() {
                "RESERVE" => moved.reserved.push(quantity),
                "SELL" => moved.sold.push(quantity),
                "RELEASE" => moved.released.push(quantity),
                _ => return Err(Error::Corrupt { expected: "the kind of a movement", found: kind }),
            }
        }
        Ok(())
    }

    async fn read_accounts(&mut self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let products: Vec<(String, String, i64, i64, i64, i64)> =
            sqlx::query_as("SELECT id, name, initial, available, reserved, sold FROM product")
                .fetch_all(&mut *connection)
                .await?;
        for (product, name, initial, available, reserved, sold) in products {
            let moved = self.orders.values().filter_map(|order| order.units.get(&product));
            let put_back = moved.map(|moved| sum(&moved.released)).sum();
            let account = ProductAccount { name, initial, available, reserved, sold, put_back };
            self.products.insert(product, account);
        }
        let cards: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT id, coalesce((SELECT sum(amount) FROM ledger WHERE customer = id), 0), card_limit \
             FROM customer",
        )
        .fetch_all(&mut *connection)
        .await?;
        self.cards =
            cards.into_iter().map(|(id, charged, limit)| (id, (Cents(charged), Cents(limit)))).collect();
        let repeats: i64 = sqlx::query_scalar("SELECT coalesce(sum(repeats), 0) FROM operation")
            .fetch_one(connection)
            .await?;
        self.repeats = repeats.unsigned_abs();
        Ok(())
    }
}
