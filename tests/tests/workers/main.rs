//! The Work stream at its edges, with workers that lie, repeat themselves, vanish and forge; and answers by token.

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

mod delivery;
mod greeting;
mod many;
mod outcomes;
mod shutdown;
mod time;
mod tokens;
