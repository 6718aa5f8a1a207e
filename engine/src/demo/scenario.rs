//! The three runs of the order saga: what is ordered, and how it should end.

use super::shop::{self, Cents, Item, Order, OrderStatus, Shop};

/// The saga, as people read it in `definitions/`.
pub(super) const DEFINITION: &str = include_str!("../../../definitions/order-saga.asl.json");

/// The name it is deployed under.
pub const STATE_MACHINE: &str = "order-saga";

/// The states of the saga that undo something. In a definition with hand-written compensation only its author
/// knows which these are.
const UNDOING: [&str; 2] = ["ReleaseInventory", "CancelOrder"];

/// Whether a state of the saga undoes something.
#[must_use]
pub fn undoes(state: &str) -> bool {
    UNDOING.contains(&state)
}

/// What the shop has at first: product, name, units.
const STOCK: [(&str, &str, u32); 3] =
    [("prod_222", "brass lantern", 100), ("prod_333", "rope, 20 m", 40), ("prod_444", "marble step", 3)];

/// Who buys there, and what their cards bear, in cents.
const CUSTOMERS: [(&str, Cents); 2] = [("cust_111", Cents(500_000)), ("cust_broke", Cents(1_000))];

/// Fills the shop.
pub(super) async fn furnish(shop: &Shop) -> Result<(), shop::Error> {
    for (product, name, units) in STOCK {
        shop.add_product(product, name, units).await?;
    }
    for (customer, card_limit) in CUSTOMERS {
        shop.add_customer(customer, card_limit).await?;
    }
    Ok(())
}

/// One run of the saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Everything goes well.
    Happy,
    /// The card is declined after the goods were reserved.
    PaymentFailed,
    /// There are too few goods.
    OutOfStock,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Happy, Self::PaymentFailed, Self::OutOfStock];

    /// The name of its execution.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Happy => "happy-path",
            Self::PaymentFailed => "payment-failed",
            Self::OutOfStock => "out-of-stock",
        }
    }

    /// What is ordered: the input of its execution.
    #[must_use]
    pub fn order(self) -> Order {
        let item =
            |product_id: &str, quantity, price| Item { product_id: product_id.to_owned(), quantity, price };
        let (order_id, customer_id, items, total) = match self {
            Self::Happy => ("ord_67890", "cust_111", vec![item("prod_222", 2, 29.99)], 59.98),
            Self::PaymentFailed => {
                let items = vec![item("prod_222", 1, 29.99), item("prod_333", 3, 12.50)];
                ("ord_67891", "cust_broke", items, 67.49)
            }
            Self::OutOfStock => ("ord_67892", "cust_111", vec![item("prod_444", 5, 119.00)], 595.00),
        };
        Order { order_id: order_id.to_owned(), customer_id: customer_id.to_owned(), items, total }
    }

    /// The states it should visit, with the error of those that fail.
    pub(super) fn path(self) -> &'static [(&'static str, Option<&'static str>)] {
        match self {
            Self::Happy => &[
                ("ReserveInventory", None),
                ("ProcessPayment", None),
                ("ConfirmOrder", None),
                ("SendConfirmation", None),
            ],
            Self::PaymentFailed => &[
                ("ReserveInventory", None),
                ("ProcessPayment", Some("PaymentFailed")),
                ("ReleaseInventory", None),
                ("CancelOrder", None),
                ("NotifyPaymentFailed", None),
            ],
            Self::OutOfStock => {
                &[("ReserveInventory", Some("InsufficientInventory")), ("NotifyOutOfStock", None)]
            }
        }
    }

    /// What should become of the order.
    pub(super) fn order_status(self) -> OrderStatus {
        match self {
            Self::Happy => OrderStatus::Confirmed,
            Self::PaymentFailed => OrderStatus::Cancelled,
            Self::OutOfStock => OrderStatus::OutOfStock,
        }
    }

    /// Units of a product that should be gone for it.
    pub(super) fn buys(self, product: &str) -> i64 {
        if self.order_status() != OrderStatus::Confirmed {
            return 0;
        }
        let items = self.order().items;
        items.iter().filter(|item| item.product_id == product).map(|item| i64::from(item.quantity)).sum()
    }
}
