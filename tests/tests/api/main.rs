//! The services of clients at their edges: every request that is refused, repeated, raced or cut into pages. One
//! file per service, more where a call has a story of its own.

/// Gives each behaviour a test for each backend.
macro_rules! everywhere {
    ($($behaviour:ident)*) => {
        mod sqlite {
            use stepwell_tests::node::Database;
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(&Database::sqlite()).await; })*
        }
        mod postgres {
            use stepwell_tests::node::Database;
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(&Database::postgres().await).await; })*
        }
    };
}

mod executions;
mod follow;
mod history;
mod lists;
mod machines;
mod server;
