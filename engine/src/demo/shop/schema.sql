-- The shop's tables. Money is in cents. A text called `execution` is the name of the execution that handles the
-- order, which is how every step finds what the steps before it did.

CREATE TABLE IF NOT EXISTS product (
    id        TEXT    PRIMARY KEY,
    name      TEXT    NOT NULL,
    -- Units the shop began with; it buys no more.
    initial   INTEGER NOT NULL CHECK (initial >= 0),
    -- Where the units are now.
    available INTEGER NOT NULL CHECK (available >= 0),
    reserved  INTEGER NOT NULL CHECK (reserved >= 0),
    sold      INTEGER NOT NULL CHECK (sold >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS customer (
    id         TEXT    PRIMARY KEY,
    -- What may be charged to the customer's card altogether.
    card_limit INTEGER NOT NULL CHECK (card_limit >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS orders (
    execution TEXT PRIMARY KEY,
    -- These three are NULL for an order that was cancelled before it came.
    order_id  TEXT,
    customer  TEXT,
    total     INTEGER,
    status    TEXT NOT NULL CHECK (status IN ('PLACED', 'CONFIRMED', 'CANCELLED', 'OUT_OF_STOCK')),
    -- Why nothing came of it.
    reason    TEXT
) STRICT, WITHOUT ROWID;

-- Every unit that ever moved; rows are only added. What is held for an order is what was reserved for it, less
-- what was sold and released.
CREATE TABLE IF NOT EXISTS movement (
    no        INTEGER PRIMARY KEY,
    execution TEXT    NOT NULL,
    product   TEXT    NOT NULL,
    kind      TEXT    NOT NULL CHECK (kind IN ('RESERVE', 'SELL', 'RELEASE')),
    quantity  INTEGER NOT NULL CHECK (quantity > 0)
) STRICT;
CREATE INDEX IF NOT EXISTS movement_execution ON movement (execution);

-- Every cent that ever moved; rows are only added. A refund is negative.
CREATE TABLE IF NOT EXISTS ledger (
    no        INTEGER PRIMARY KEY,
    execution TEXT    NOT NULL,
    customer  TEXT    NOT NULL,
    amount    INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ledger_execution ON ledger (execution);
CREATE INDEX IF NOT EXISTS ledger_customer ON ledger (customer);

CREATE TABLE IF NOT EXISTS notice (
    no        INTEGER PRIMARY KEY,
    execution TEXT    NOT NULL,
    customer  TEXT    NOT NULL,
    kind      TEXT    NOT NULL CHECK (kind IN ('CONFIRMATION', 'PAYMENT_FAILED', 'OUT_OF_STOCK')),
    text      TEXT    NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notice_execution ON notice (execution);

-- What was answered to each task, by its idempotency key.
CREATE TABLE IF NOT EXISTS operation (
    key       TEXT    PRIMARY KEY,
    execution TEXT    NOT NULL,
    task      TEXT    NOT NULL,
    attempt   INTEGER NOT NULL,
    -- As JSON.
    outcome   TEXT    NOT NULL,
    -- How often the task came again and got the same answer.
    repeats   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
