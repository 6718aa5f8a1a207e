//! The contract of [`Store`], one body per behaviour, on every backend; and the backends against each other.

use std::future::Future;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::time::Timestamp;
use stepwell_engine::store::{
    self, Closing, Error, ExecutionFilter, ExecutionRow, HistoryRow, LiveRow, MachineNo, MachineRow, Opening,
    RevisionNo, RowNo, Store, StoredStatus, Write, Written,
};
use stepwell_tests::postgres::Postgres;
use tempfile::TempDir;

use Written::{Committed, NameTaken, VersionConflict};

/// Long enough for anything that is going to happen at all.
const SOON: Duration = Duration::from_secs(30);

/// Long enough to see that something does not happen by itself.
const A_WHILE: Duration = Duration::from_millis(700);

/// A database for one test.
struct Database {
    url: String,
    _folder: Option<TempDir>,
}

impl Database {
    fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self {
            url: format!("sqlite://{}", folder.path().join("stepwell.db").display()),
            _folder: Some(folder),
        }
    }

    async fn postgres() -> Self {
        Self { url: Postgres::database().await, _folder: None }
    }

    async fn open(&self) -> std::sync::Arc<dyn Store> {
        store::open(&self.url).await.expect("the database opens")
    }

    /// Changes rows behind the back of the store.
    async fn meddle(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.url).await.expect("a connection");
            connection.execute(sql).await.expect("a valid statement");
        } else {
            let mut connection = PgConnection::connect(&self.url).await.expect("a connection");
            connection.execute(sql).await.expect("a valid statement");
        }
    }
}

/// Gives each behaviour a test for each backend.
macro_rules! contract {
    ($($behaviour:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(&super::Database::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(&super::Database::postgres().await).await; })*
        }
    };
}

contract! {
    what_is_committed_is_there_after_a_restart
    a_name_is_taken_once
    a_place_is_taken_once
    a_conflict_leaves_its_neighbours_alone
    of_two_writes_that_exclude_each_other_the_first_wins
    a_full_batch_of_all_kinds
    every_kind_of_conflict_in_a_full_batch
    a_batch_that_fails_writes_nothing
    an_ended_execution_takes_nothing_more
    lists_filter
    pages_stay_put_while_executions_start
    a_machine_has_revisions_and_a_name
    machines_come_in_the_order_of_their_names
    an_event_is_found_in_its_row
    big_rows_survive
    empty_batches_and_empty_blobs
    a_commit_cut_off_halfway_is_there_or_not
    many_may_commit_at_once
    a_database_of_a_newer_version_is_refused
    a_closed_store_writes_nothing
}

// What writes are made of.

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + micros)
}

fn id(number: u128) -> ExecutionId {
    // Far apart, as hashes are.
    ExecutionId(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn row(version: u64) -> HistoryRow {
    HistoryRow { version, first_event: 3 * version - 2, events: format!("events of {version}").into_bytes() }
}

fn append(no: i64, versions: impl IntoIterator<Item = u64>) -> Write {
    Write {
        execution: RowNo(no),
        history: versions.into_iter().map(row).collect(),
        opening: None,
        closing: None,
    }
}

fn start(no: i64, machine: &MachineRow) -> Write {
    let opening = Opening {
        id: id(no.unsigned_abs().into()),
        machine: machine.machine,
        revision: machine.revision,
        name: format!("order-{no}"),
        started_at: at(no),
    };
    Write { opening: Some(opening), ..append(no, [1]) }
}

fn end(no: i64, version: u64, status: StoredStatus) -> Write {
    Write { closing: Some(Closing { status, stopped_at: at(1000 + no) }), ..append(no, [version]) }
}

async fn machine(store: &dyn Store, name: &str) -> MachineRow {
    put(store, name, "{}", false).await.expect("a machine")
}

async fn put(store: &dyn Store, name: &str, definition: &str, only_new: bool) -> Option<MachineRow> {
    store.put_machine(name, definition, at(0), only_new).await.expect("the database answers")
}

async fn commit(store: &dyn Store, batch: &[Write]) -> Vec<Written> {
    store.commit(batch).await.expect("the database answers")
}

async fn versions(store: &dyn Store, no: i64) -> Vec<u64> {
    let rows = store.history(RowNo(no), 0, 1000).await.expect("the database answers");
    rows.into_iter().map(|row| row.version).collect()
}

async fn list(store: &dyn Store, filter: ExecutionFilter, limit: u32) -> Vec<i64> {
    let rows = store.executions(&filter, limit).await.expect("the database answers");
    rows.into_iter().map(|row| row.execution.0).collect()
}

async fn live(store: &dyn Store) -> Vec<i64> {
    let rows = store.live(None, 1000).await.expect("the database answers");
    rows.into_iter().map(|live| live.row.execution.0).collect()
}

/// One execution, if it has not ended.
async fn live_one(store: &dyn Store, no: i64) -> Option<LiveRow> {
    let rows = store.live(Some(RowNo(no - 1)), 1).await.expect("the database answers");
    rows.into_iter().find(|live| live.row.execution.0 == no)
}

/// What a behaviour should come to before [`SOON`].
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("it should not take that long")
}

// Behaviours.

async fn what_is_committed_is_there_after_a_restart(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    assert_eq!(commit(&*store, &[start(1, &order), start(2, &order)]).await, [Committed, Committed]);
    assert_eq!(commit(&*store, &[append(1, [2, 3])]).await, [Committed]);
    assert_eq!(commit(&*store, &[end(2, 2, StoredStatus::Failed)]).await, [Committed]);
    store.close().await;

    let store = database.open().await;
    let expected = ExecutionRow {
        execution: RowNo(1),
        id: id(1),
        machine: order.machine,
        machine_name: "Order".to_owned(),
        revision: order.revision,
        revision_number: 1,
        name: "order-1".to_owned(),
        status: StoredStatus::Running,
        started_at: at(1),
        stopped_at: None,
    };
    assert_eq!(store.execution(id(1)).await.expect("an answer"), Some(expected.clone()));
    let ended = store.execution(id(2)).await.expect("an answer").expect("an execution");
    assert_eq!((ended.status, ended.stopped_at), (StoredStatus::Failed, Some(at(1002))));
    assert_eq!(store.execution(id(3)).await.expect("an answer"), None);

    let live = store.live(None, 10).await.expect("an answer");
    assert_eq!(live.len(), 1, "one of two still runs");
    assert_eq!(live[0].row, expected);
    assert_eq!(live[0].history, [row(1), row(2), row(3)]);
    assert_eq!(store.last_history(RowNo(1)).await.expect("an answer"), Some(row(3)));
    assert_eq!(store.last_history(RowNo(9)).await.expect("an answer"), None);
    assert_eq!(store.history(RowNo(1), 2, 1).await.expect("an answer"), [row(2)]);
    assert_eq!(versions(&*store, 2).await, [1, 2]);
}

async fn a_name_is_taken_once(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    let again = |no| Write { execution: RowNo(no), ..start(1, &order) };
    assert_eq!(commit(&*store, &[start(1, &order)]).await, [Committed]);
    assert_eq!(commit(&*store, &[again(2)]).await, [NameTaken]);
    assert_eq!(
        commit(&*store, &[start(3, &order), again(4), start(5, &order)]).await,
        [Committed, NameTaken, Committed]
    );
    // Also when the first one has ended.
    assert_eq!(commit(&*store, &[end(1, 2, StoredStatus::Succeeded)]).await, [Committed]);
    assert_eq!(commit(&*store, &[again(6)]).await, [NameTaken]);
    assert_eq!(live(&*store).await, [3, 5]);
    assert_eq!(list(&*store, ExecutionFilter::default(), 10).await, [5, 3, 1]);
    assert!(versions(&*store, 4).await.is_empty(), "nothing was written");
}

async fn a_place_is_taken_once(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    assert_eq!(commit(&*store, &[start(1, &order)]).await, [Committed]);
    assert_eq!(
        commit(&*store, &[Write { execution: RowNo(1), ..start(2, &order) }]).await,
        [VersionConflict]
    );
    assert_eq!(store.execution(id(2)).await.expect("an answer"), None);
    assert_eq!(versions(&*store, 1).await, [1]);
}

async fn a_conflict_leaves_its_neighbours_alone(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    let starts: Vec<Write> = (1..=5).map(|no| start(no, &order)).collect();
    assert_eq!(commit(&*store, &starts).await, [Committed; 5]);
    assert_eq!(commit(&*store, &[append(3, [2])]).await, [Committed]);
    let batch =
        [append(1, [2]), end(2, 2, StoredStatus::Aborted), append(3, [2, 3]), append(4, [2]), append(9, [1])];
    assert_eq!(
        commit(&*store, &batch).await,
        [Committed, Committed, VersionConflict, Committed, VersionConflict]
    );
    assert_eq!(versions(&*store, 1).await, [1, 2]);
    assert_eq!(versions(&*store, 3).await, [1, 2], "the row that would have fitted was left out too");
    assert_eq!(live(&*store).await, [1, 3, 4, 5]);
    assert!(versions(&*store, 9).await.is_empty(), "an execution that never was has no history");
}

async fn of_two_writes_that_exclude_each_other_the_first_wins(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    let twin = Write { execution: RowNo(2), ..start(1, &order) };
    assert_eq!(
        commit(&*store, &[start(1, &order), twin, start(3, &order)]).await,
        [Committed, NameTaken, Committed]
    );
    assert_eq!(live(&*store).await, [1, 3]);
}

async fn a_full_batch_of_all_kinds(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    let starts: Vec<Write> = (1..=256).map(|no| start(no, &order)).collect();
    assert_eq!(commit(&*store, &starts).await, [Committed; 256]);

    let mixed = |no: i64| match no % 4 {
        0 => append(no, [2, 3]),
        1 => end(no, 2, StoredStatus::Succeeded),
        2 => append(no, [2]),
        _ => start(256 + no, &order),
    };
    let batch: Vec<Write> = (1..=256).map(mixed).collect();
    assert_eq!(commit(&*store, &batch).await, [Committed; 256]);
    assert_eq!(live(&*store).await.len(), 256);
    assert_eq!(list(&*store, ExecutionFilter::default(), 1000).await.len(), 320);

    // The same once more: nothing of it fits.
    assert!(commit(&*store, &batch).await.iter().all(|written| *written != Committed));
    // And half of a batch.
    let half: Vec<Write> =
        (1..=256).map(|no| if no % 2 == 0 { append(no, [4]) } else { append(no, [1]) }).collect();
    let written = commit(&*store, &half).await;
    let expected: Vec<Written> =
        (1..=256).map(|no| if no % 2 == 0 { Committed } else { VersionConflict }).collect();
    assert_eq!(written, expected);

    let mut seen = Vec::new();
    while let Some(page) =
        Some(store.live(seen.last().copied(), 100).await.expect("an answer")).filter(|page| !page.is_empty())
    {
        assert!(page.iter().all(|live| !live.history.is_empty()));
        seen.extend(page.iter().map(|live| live.row.execution));
    }
    assert_eq!(seen.len(), 256, "pages of live executions hold each once");
}

async fn every_kind_of_conflict_in_a_full_batch(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    let starts: Vec<Write> = (1..=250).map(|no| start(no, &order)).collect();
    assert_eq!(commit(&*store, &starts).await, [Committed; 250]);
    assert_eq!(commit(&*store, &[end(250, 2, StoredStatus::Failed)]).await, [Committed]);

    let misfits = [
        (Write { execution: RowNo(600), ..start(7, &order) }, NameTaken),
        (Write { execution: RowNo(7), ..start(601, &order) }, VersionConflict),
        // The opening and the rest of a write stand and fall together.
        (Write { history: vec![row(1), row(1)], ..start(602, &order) }, VersionConflict),
        (append(8, [1]), VersionConflict),
        (append(250, [3]), VersionConflict),
        (append(603, [1]), VersionConflict),
        (Write { history: Vec::new(), ..end(250, 3, StoredStatus::Aborted) }, VersionConflict),
        (Write { history: Vec::new(), ..end(604, 2, StoredStatus::Aborted) }, VersionConflict),
    ];
    for (place, (misfit, expected)) in misfits.iter().enumerate() {
        let version = place as u64 + 2;
        // Of each kind that fits, with the one that doesn't among them; none of them about the same execution.
        let mut batch: Vec<Write> = (10..=120).map(|no| append(no, [version])).collect();
        batch.extend((0..60).map(|no| start(1000 + 100 * place as i64 + no, &order)));
        let ending = 130 + 10 * place as i64;
        batch.extend((ending..ending + 10).map(|no| end(no, 2, StoredStatus::Succeeded)));
        let at = 25 * place;
        batch.insert(at, misfit.clone());
        let mut verdicts = vec![Committed; batch.len()];
        verdicts[at] = *expected;
        assert_eq!(commit(&*store, &batch).await, verdicts, "misfit {place}");
        assert_eq!(live(&*store).await.len(), 249 + 50 * (place + 1), "misfit {place}");
        assert_eq!(versions(&*store, 120).await, (1..=version).collect::<Vec<u64>>());
    }
    assert_eq!(versions(&*store, 250).await, [1, 2]);
    for no in 600..=604 {
        assert!(versions(&*store, no).await.is_empty(), "execution {no}");
    }
    assert_eq!(store.execution(id(601)).await.expect("an answer"), None);
    assert_eq!(store.execution(id(602)).await.expect("an answer"), None);
}

async fn a_batch_that_fails_writes_nothing(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    assert_eq!(commit(&*store, &[start(1, &order), start(2, &order)]).await, [Committed; 2]);
    // Not the fault of a write: nobody may be told that it does not fit.
    database.meddle("ALTER TABLE history ADD COLUMN broken INTEGER DEFAULT 0 CHECK (version <> 7)").await;
    let batch = [start(3, &order), append(1, [2]), append(2, [7]), start(4, &order)];
    let conflicting = [start(1, &order), append(1, [2]), append(2, [7]), start(4, &order)];
    for batch in [&batch, &conflicting] {
        let failure = store.commit(batch).await;
        assert!(matches!(failure, Err(Error::Unavailable(_))), "{failure:?}");
        assert_eq!(live(&*store).await, [1, 2]);
        assert_eq!(list(&*store, ExecutionFilter::default(), 9).await, [2, 1]);
        assert_eq!((versions(&*store, 1).await, versions(&*store, 2).await), (vec![1], vec![1]));
    }
    assert_eq!(commit(&*store, &[append(1, [2]), end(2, 2, StoredStatus::Failed)]).await, [Committed; 2]);
}

async fn an_ended_execution_takes_nothing_more(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    // It may end with its first transition.
    let short = Write { closing: end(2, 1, StoredStatus::Succeeded).closing, ..start(2, &order) };
    assert_eq!(commit(&*store, &[start(1, &order), short]).await, [Committed; 2]);
    assert_eq!(commit(&*store, &[end(1, 2, StoredStatus::TimedOut)]).await, [Committed]);
    assert!(live(&*store).await.is_empty());
    for late in [
        append(1, [3]),
        end(1, 3, StoredStatus::Failed),
        Write { history: vec![], ..end(2, 2, StoredStatus::Failed) },
    ] {
        assert_eq!(commit(&*store, &[late]).await, [VersionConflict]);
    }
    let rows = store.executions(&ExecutionFilter::default(), 10).await.expect("an answer");
    assert_eq!(
        rows.iter().map(|row| row.status).collect::<Vec<_>>(),
        [StoredStatus::Succeeded, StoredStatus::TimedOut]
    );
    assert_eq!(rows[1].stopped_at, Some(at(1001)));
}

async fn lists_filter(database: &Database) {
    use StoredStatus::{Aborted, Failed, Running, Succeeded, TimedOut};
    let store = database.open().await;
    let (order, refund) = (machine(&*store, "Order").await, machine(&*store, "Refund").await);
    let starts: Vec<Write> =
        (1..=10).map(|no| start(no, if no % 2 == 0 { &refund } else { &order })).collect();
    assert_eq!(commit(&*store, &starts).await, [Committed; 10]);
    let ends =
        [end(1, 2, Succeeded), end(2, 2, Failed), end(3, 2, TimedOut), end(4, 2, Aborted), end(5, 2, Failed)];
    assert_eq!(commit(&*store, &ends).await, [Committed; 5]);

    let all = ExecutionFilter::default();
    let with = |status| ExecutionFilter { status: Some(status), ..ExecutionFilter::default() };
    let of = |machine: &MachineRow| ExecutionFilter {
        machine: Some(machine.machine),
        ..ExecutionFilter::default()
    };
    let cases = [
        (all, vec![10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (with(Running), vec![10, 9, 8, 7, 6]),
        (with(Succeeded), vec![1]),
        (with(Failed), vec![5, 2]),
        (with(TimedOut), vec![3]),
        (with(Aborted), vec![4]),
        (of(&refund), vec![10, 8, 6, 4, 2]),
        (ExecutionFilter { machine: Some(MachineNo(99)), ..all }, vec![]),
        (ExecutionFilter { machine: Some(order.machine), ..with(Failed) }, vec![5]),
        (ExecutionFilter { machine: Some(order.machine), ..with(Running) }, vec![9, 7]),
        (ExecutionFilter { before: Some(RowNo(8)), ..with(Running) }, vec![7, 6]),
        (ExecutionFilter { before: Some(RowNo(5)), ..with(Failed) }, vec![2]),
        (ExecutionFilter { before: Some(RowNo(6)), ..of(&refund) }, vec![4, 2]),
    ];
    for (filter, expected) in cases {
        assert_eq!(list(&*store, filter, 100).await, expected, "{filter:?}");
        let short: Vec<i64> = expected.into_iter().take(2).collect();
        assert_eq!(list(&*store, filter, 2).await, short, "{filter:?}, two at most");
    }
    let row = &store.executions(&of(&refund), 1).await.expect("an answer")[0];
    assert_eq!(
        (row.machine_name.as_str(), row.revision_number, row.revision),
        ("Refund", 1, refund.revision)
    );
}

async fn pages_stay_put_while_executions_start(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    let first: Vec<Write> = (1..=20).map(|no| start(no, &order)).collect();
    assert_eq!(commit(&*store, &first).await, [Committed; 20]);
    let (mut seen, mut next) = (Vec::new(), 21);
    loop {
        let before = seen.last().map(|no| RowNo(*no));
        let page = list(&*store, ExecutionFilter { before, ..ExecutionFilter::default() }, 6).await;
        if page.is_empty() {
            break;
        }
        seen.extend(page);
        assert_eq!(commit(&*store, &[start(next, &order)]).await, [Committed]);
        next += 1;
    }
    assert_eq!(seen, (1..=20).rev().collect::<Vec<i64>>());
}

async fn a_machine_has_revisions_and_a_name(database: &Database) {
    let store = database.open().await;
    let answer = |name| store.machine(name);
    assert_eq!(answer("Order").await.expect("an answer"), None);
    let first = store.put_machine("Order", "one", at(1), true).await.expect("an answer").expect("a machine");
    let expected = MachineRow {
        machine: first.machine,
        name: "Order".to_owned(),
        revision: first.revision,
        revision_number: 1,
        definition: "one".to_owned(),
        created_at: at(1),
        updated_at: at(1),
    };
    assert_eq!(first, expected);
    // The same text is the same revision, also for those who ask for something new.
    for only_new in [true, false] {
        assert_eq!(put(&*store, "Order", "one", only_new).await, Some(expected.clone()));
    }
    assert_eq!(put(&*store, "Order", "two", true).await, None, "the name has another definition");
    let second =
        store.put_machine("Order", "two", at(2), false).await.expect("an answer").expect("a machine");
    assert_eq!((second.machine, second.revision_number), (first.machine, 2));
    assert_eq!((second.created_at, second.updated_at), (at(1), at(2)));
    assert_ne!(second.revision, first.revision);
    assert_eq!(answer("Order").await.expect("an answer"), Some(second.clone()));
    // Back to an older text is one more revision.
    let third = put(&*store, "Order", "one", false).await.expect("a machine");
    assert_eq!(third.revision_number, 3);
    for (revision, text) in [(first.revision, "one"), (second.revision, "two"), (third.revision, "one")] {
        assert_eq!(store.definition(revision).await.expect("an answer").as_deref(), Some(text));
    }
    assert_eq!(store.definition(RevisionNo(99)).await.expect("an answer"), None);

    assert_eq!(commit(&*store, &[start(1, &second)]).await, [Committed]);
    assert!(store.delete_machine("Order", at(3)).await.expect("an answer"));
    assert!(!store.delete_machine("Order", at(3)).await.expect("an answer"), "it is gone");
    assert_eq!(answer("Order").await.expect("an answer"), None);
    // What runs goes on, on its own revision.
    let running = store.execution(id(1)).await.expect("an answer").expect("an execution");
    assert_eq!((running.machine_name.as_str(), running.revision_number), ("Order", 2));
    assert_eq!(store.definition(running.revision).await.expect("an answer").as_deref(), Some("two"));

    let again = store.put_machine("Order", "two", at(4), true).await.expect("an answer").expect("a machine");
    assert_ne!(again.machine, first.machine, "another machine with the same name");
    assert_eq!((again.revision_number, again.created_at), (1, at(4)));
    assert_eq!(
        list(&*store, ExecutionFilter { machine: Some(again.machine), ..Default::default() }, 9).await,
        [0; 0]
    );
}

async fn machines_come_in_the_order_of_their_names(database: &Database) {
    let store = database.open().await;
    // Bytes give the order, not a language: capitals first, ä behind z.
    let names = ["Zebra", "a", "a-b", "aB", "ab", "order 2", "order-10", "z", "ä", "訂單"];
    for name in names.iter().rev() {
        machine(&*store, name).await;
    }
    machine(&*store, "gone").await;
    store.delete_machine("gone", at(1)).await.expect("an answer");
    let mut seen: Vec<String> = Vec::new();
    loop {
        let page = store.machines(seen.last().map(String::as_str), 3).await.expect("an answer");
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|machine| machine.name));
    }
    assert_eq!(seen, names);
}

async fn an_event_is_found_in_its_row(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    assert_eq!(commit(&*store, &[start(1, &order), start(2, &order)]).await, [Committed; 2]);
    // Rows begin with the events 1, 4, 7 …
    assert_eq!(commit(&*store, &[append(1, 2..=50)]).await, [Committed]);
    for (event, version) in
        [(1, 1), (3, 1), (4, 2), (6, 2), (7, 3), (147, 49), (148, 50), (150, 50), (u64::MAX, 50)]
    {
        assert_eq!(
            store.version_of_event(RowNo(1), event).await.expect("an answer"),
            Some(version),
            "event {event}"
        );
    }
    assert_eq!(store.version_of_event(RowNo(1), 0).await.expect("an answer"), None);
    assert_eq!(store.version_of_event(RowNo(9), 1).await.expect("an answer"), None);
    assert_eq!(store.history(RowNo(1), u64::MAX, 10).await.expect("an answer"), []);
}

async fn big_rows_survive(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    let big = |seed: u64| -> Vec<u8> {
        let mut random = Random(seed);
        (0..200_000).map(|_| random.below(256) as u8).collect()
    };
    let batch: Vec<Write> = (1..=8)
        .map(|no: i64| {
            let mut write = start(no, &order);
            write.history[0].events = big(no.unsigned_abs());
            write
        })
        .collect();
    assert_eq!(commit(&*store, &batch).await, [Committed; 8]);
    store.close().await;
    let store = database.open().await;
    for write in &batch {
        assert_eq!(store.history(write.execution, 1, 10).await.expect("an answer"), write.history);
    }
    let text = "{\"Comment\": \"ß\u{1f980}\"}".repeat(40_000);
    let stored = put(&*store, "Long", &text, true).await.expect("a machine");
    assert_eq!(store.definition(stored.revision).await.expect("an answer"), Some(text));
}

async fn empty_batches_and_empty_blobs(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    assert_eq!(commit(&*store, &[]).await, []);
    let mut empty = start(1, &order);
    empty.history[0].events = Vec::new();
    assert_eq!(commit(&*store, &[empty.clone(), append(2, [])]).await, [Committed; 2]);
    assert_eq!(store.history(RowNo(1), 0, 9).await.expect("an answer"), empty.history);
    assert_eq!(store.live(None, 0).await.expect("an answer"), []);
}

async fn a_commit_cut_off_halfway_is_there_or_not(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    for no in 1..=40 {
        let write = start(no, &order);
        // From "not begun" to "done, but nobody was told".
        let patience = Duration::from_micros(50 * no.unsigned_abs());
        let told = tokio::time::timeout(patience, store.commit(std::slice::from_ref(&write))).await;
        let found = soon(live_one(&*store, no)).await.is_some();
        assert!(told.is_err() || found, "what was told to be there is there");
        // What a read has seen is final: a commit on its way would change it now.
        let again = commit(&*store, &[write]).await;
        assert_eq!(again, [if found { NameTaken } else { Committed }], "execution {no}");
    }
    assert_eq!(live(&*store).await, (1..=40).collect::<Vec<i64>>());
}

async fn many_may_commit_at_once(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    let commits = (0..20).map(|task| {
        let (store, order) = (store.clone(), order.clone());
        tokio::spawn(async move {
            for no in (1..=10).map(|step| task * 10 + step) {
                assert_eq!(commit(&*store, &[start(no, &order)]).await, [Committed]);
                assert!(live_one(&*store, no).await.is_some());
            }
            // Everybody's first: one gets it.
            commit(&*store, &[Write { execution: RowNo(1000 + task), ..start(777, &order) }]).await[0]
        })
    });
    let written = futures::future::join_all(commits).await;
    let won = written.into_iter().filter(|written| matches!(written, Ok(Committed))).count();
    assert_eq!(won, 1);
    assert_eq!(live(&*store).await.len(), 201);
}

async fn a_database_of_a_newer_version_is_refused(database: &Database) {
    database.open().await.close().await;
    database
        .meddle(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    let refusal = store::open(&database.url).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refusal.contains("found version 9999: a newer Stepwell has written this database"), "{refusal}");
}

async fn a_closed_store_writes_nothing(database: &Database) {
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    store.renew().await.expect("it is ours");
    store.close().await;
    store.close().await;
    assert!(matches!(store.commit(&[start(1, &order)]).await, Err(Error::Fenced(_))));
    assert!(matches!(store.put_machine("Other", "{}", at(1), true).await, Err(Error::Fenced(_))));
    assert!(matches!(store.renew().await, Err(Error::Fenced(_))));
    assert!(live(&*database.open().await).await.is_empty());
}

// Ownership, which differs by design.

#[tokio::test]
async fn sqlite_lets_one_engine_in() {
    let database = Database::sqlite();
    let store = database.open().await;
    assert_eq!(store.lease(), None);
    let refusal = store::open(&database.url).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refusal.contains("expected to be the only engine on"), "{refusal}");
    store.close().await;
    soon(database.open()).await;
}

#[tokio::test]
async fn sqlite_tells_why_it_does_not_open() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("text.db"), "This is no database. ".repeat(100)).expect("a file");
    let cases = [
        (format!("sqlite://{}", path("missing/stepwell.db")), "create it first"),
        (format!("sqlite://{}", folder.path().display()), "expected a database file, found the folder"),
        (format!("sqlite://{}", path("text.db")), "not a database"),
        (format!("sqlite://{}?mode=memory", path("a.db")), "expected sqlite://<path of a file>"),
        ("sqlite::memory:".to_owned(), "expected sqlite://<path of a file>"),
        ("sqlite://".to_owned(), "expected sqlite://<path of a file>"),
        ("mysql://localhost".to_owned(), "expected a URL that starts with sqlite:// or postgres://"),
        ("postgres://127.0.0.1:1/nothing".to_owned(), "refused"),
    ];
    for (url, expected) in cases {
        let refusal = store::open(&url).await.err();
        assert!(
            matches!(&refusal, Some(Error::Open(message)) if message.contains(expected)),
            "{url}: {refusal:?}"
        );
    }
}

#[tokio::test]
async fn postgres_lets_the_next_one_in_when_the_first_leaves() {
    let database = Database::postgres().await;
    let first = database.open().await;
    let order = machine(&*first, "Order").await;
    assert_eq!(first.lease(), Some(Duration::from_secs(10)));
    let url = database.url.clone();
    let mut standby = tokio::spawn(async move { store::open(&url).await });
    assert!(tokio::time::timeout(A_WHILE, &mut standby).await.is_err(), "it stands by");
    first.renew().await.expect("it is ours");
    assert_eq!(commit(&*first, &[start(1, &order)]).await, [Committed]);
    first.close().await;
    let second = soon(standby).await.expect("no panic").expect("the database opens");
    assert!(matches!(first.commit(&[append(1, [2])]).await, Err(Error::Fenced(_))));
    assert_eq!(commit(&*second, &[append(1, [2])]).await, [Committed]);
}

#[tokio::test]
async fn postgres_fences_an_owner_whose_lease_ran_out() {
    let database = Database::postgres().await;
    let first = database.open().await;
    let order = machine(&*first, "Order").await;
    assert_eq!(commit(&*first, &[start(1, &order)]).await, [Committed]);
    database.meddle("UPDATE ownership SET expires_at = clock_timestamp()").await;
    // Nobody took over yet: the epoch counts, not the clock.
    assert_eq!(commit(&*first, &[append(1, [2])]).await, [Committed]);
    first.renew().await.expect("it is still ours");
    database.meddle("UPDATE ownership SET expires_at = clock_timestamp()").await;

    let second = soon(database.open()).await;
    assert_eq!(commit(&*second, &[append(1, [3])]).await, [Committed]);
    let refusal = first.commit(&[append(1, [4])]).await;
    assert!(matches!(&refusal, Err(Error::Fenced(why)) if why.contains("(epoch 2)")), "{refusal:?}");
    assert!(matches!(first.put_machine("Late", "{}", at(1), false).await, Err(Error::Fenced(_))));
    assert!(matches!(first.delete_machine("Order", at(1)).await, Err(Error::Fenced(_))));
    assert!(matches!(first.renew().await, Err(Error::Fenced(_))));
    // Its leaving takes nothing from the owner.
    first.close().await;
    second.renew().await.expect("it is ours");
    assert_eq!(versions(&*second, 1).await, [1, 2, 3]);
    assert_eq!(second.machines(None, 9).await.expect("an answer").len(), 1);
}

#[tokio::test]
async fn postgres_is_used_again_after_a_cut() {
    let database = Database::postgres().await;
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    assert_eq!(commit(&*store, &[start(1, &order)]).await, [Committed]);
    database
        .meddle(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    assert!(matches!(store.commit(&[append(1, [2])]).await, Err(Error::Unavailable(_))));

    // As if the transaction before were still on its way: it holds the ownership.
    let mut late = PgConnection::connect(&database.url).await.expect("a connection");
    late.execute("BEGIN; SELECT FROM ownership FOR SHARE").await.expect("the row is free");
    let reader = store.clone();
    let mut read = tokio::spawn(async move { live_one(&*reader, 1).await });
    assert!(tokio::time::timeout(A_WHILE, &mut read).await.is_err(), "what is in doubt is not read");
    late.execute("INSERT INTO history VALUES (1, 2, 4, 'late'); COMMIT").await.expect("it commits");
    let found = soon(read).await.expect("no panic").expect("a live execution");
    assert_eq!(found.history.len(), 2, "the late transaction is seen");
    assert_eq!(commit(&*store, &[append(1, [2])]).await, [VersionConflict]);
    assert_eq!(commit(&*store, &[append(1, [3])]).await, [Committed]);
}

#[tokio::test]
async fn postgres_writes_nothing_from_a_session_that_was_given_up() {
    let database = Database::postgres().await;
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    assert_eq!(commit(&*store, &[start(1, &order)]).await, [Committed]);

    // The commit is under way, but does not hold the ownership yet, when another session takes its place.
    let mut next = PgConnection::connect(&database.url).await.expect("a connection");
    next.execute("BEGIN; UPDATE ownership SET session_pid = 0").await.expect("the row is free");
    let writer = store.clone();
    let mut late = tokio::spawn(async move { writer.commit(&[append(1, [2])]).await });
    assert!(tokio::time::timeout(A_WHILE, &mut late).await.is_err(), "it waits for the ownership");
    next.execute("COMMIT").await.expect("it commits");
    let answer = soon(late).await.expect("no panic");
    assert!(matches!(&answer, Err(Error::Unavailable(why)) if why.contains("another session")), "{answer:?}");
    assert_eq!(versions(&*store, 1).await, [1]);
    // It is still the same node's: the next session goes on.
    assert_eq!(commit(&*store, &[append(1, [2])]).await, [Committed]);
    assert!(store.put_machine("Other", "{}", at(1), true).await.expect("an answer").is_some());

    // The same where a transaction is begun first.
    database.meddle("UPDATE ownership SET session_pid = 0").await;
    assert!(matches!(store.delete_machine("Other", at(2)).await, Err(Error::Unavailable(_))));
    assert!(store.delete_machine("Other", at(2)).await.expect("an answer"));
}

#[tokio::test]
async fn postgres_looks_rows_up_by_their_keys_whatever_the_statistics_say() {
    let database = Database::postgres().await;
    let store = database.open().await;
    let order = machine(&*store, "Order").await;
    assert_eq!(commit(&*store, &[start(1, &order)]).await, [Committed]);
    // Statements are planned when next to nothing is there, and long remembered.
    database.meddle("ANALYZE").await;
    assert_eq!(commit(&*store, &[end(1, 2, StoredStatus::Succeeded)]).await, [Committed]);
    let starts: Vec<Write> = (2..=2001).map(|no| start(no, &order)).collect();
    let ends: Vec<Write> = (2..=2001).map(|no| end(no, 2, StoredStatus::Succeeded)).collect();
    for batch in starts.chunks(250).chain(ends.chunks(250)) {
        assert!(commit(&*store, batch).await.iter().all(|written| *written == Committed));
    }
    // What a session has read is counted for others when it ends.
    store.close().await;
    let mut read = (0, 0);
    soon(async {
        while read.0 < 2000 {
            read = index_reads(&database).await;
        }
    })
    .await;
    // Each row of a history looks for its execution, and each end for its rows in two tables.
    assert!(read.0 < 10_000, "expected about four entries for each execution, found {} for 2000", read.0);
    assert_eq!(read.1, 0, "other indexes than those of the primary keys were read");
}

/// Entries that were read from the indexes of what a commit writes, and how often one of them was read that is no
/// primary key's.
async fn index_reads(database: &Database) -> (i64, i64) {
    let mut connection = PgConnection::connect(&database.url).await.expect("a connection");
    sqlx::query_as(
        "SELECT sum(idx_tup_read)::bigint, \
             sum(idx_scan) FILTER (WHERE indexrelname NOT LIKE '%_pkey')::bigint \
         FROM pg_stat_user_indexes WHERE relname IN ('live', 'execution', 'history')",
    )
    .fetch_one(&mut connection)
    .await
    .expect("an answer")
}

// One backend against the other.

/// Numbers that look random and are the same each time (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Any write to one of a few executions: most fit, many don't.
fn any_write(random: &mut Random, no: i64, next_version: u64) -> Write {
    let from = if random.chance(85) { next_version } else { 1 + random.below(6) };
    let mut write = append(no, from..from + random.below(3));
    if random.chance(if next_version == 1 { 90 } else { 5 }) {
        write.opening = Some(Opening {
            id: id(random.below(60).into()),
            machine: MachineNo(1),
            revision: RevisionNo(1),
            name: format!("execution {}", random.below(9)),
            started_at: at(no),
        });
    }
    if random.chance(15) {
        let status = StoredStatus::try_from(2 + random.below(4).cast_signed()).expect("a status");
        write.closing = Some(Closing { status, stopped_at: at(next_version.cast_signed()) });
    }
    write
}

/// Everything there is to read, as text.
async fn everything(store: &dyn Store) -> String {
    let mut text = format!("{:#?}", store.live(None, 1000).await);
    for status in [None, Some(1), Some(2), Some(3), Some(4), Some(5)] {
        let status = status.map(|status| StoredStatus::try_from(status).expect("a status"));
        let filter = ExecutionFilter { status, ..ExecutionFilter::default() };
        text += &format!("{filter:?}: {:#?}", store.executions(&filter, 1000).await);
    }
    for no in (0..50).map(RowNo) {
        text +=
            &format!("{no:?}: {:#?} {:?}", store.history(no, 0, 1000).await, store.last_history(no).await);
        text += &format!("{:?}", store.version_of_event(no, 5).await);
    }
    text += &format!("{:#?}", store.machines(None, 100).await);
    text
}

#[tokio::test]
async fn both_backends_give_the_same_answers() {
    for seed in 1..=3 {
        let (one, other) = (Database::sqlite(), Database::postgres().await);
        let (sqlite, postgres) = (one.open().await, other.open().await);
        let mut random = Random(seed);
        let mut kinds = std::collections::BTreeSet::new();
        for step in 0..120 {
            let context = format!("seed {seed}, step {step}");
            let name = format!("machine {}", random.below(4));
            let (text, only_new) = (format!("text {}", random.below(3)), random.chance(50));
            let answers = match random.below(10) {
                0 | 1 => (
                    format!("{:?}", sqlite.put_machine(&name, &text, at(step), only_new).await),
                    format!("{:?}", postgres.put_machine(&name, &text, at(step), only_new).await),
                ),
                2 => (
                    format!("{:?}", sqlite.delete_machine(&name, at(step)).await),
                    format!("{:?}", postgres.delete_machine(&name, at(step)).await),
                ),
                _ => {
                    let mut batch = Vec::new();
                    for no in 1..50 {
                        if random.chance(30) {
                            let last = sqlite.last_history(RowNo(no)).await.expect("an answer");
                            batch.push(any_write(&mut random, no, last.map_or(1, |row| row.version + 1)));
                        }
                    }
                    let written = commit(&*sqlite, &batch).await;
                    kinds.extend(written.iter().map(|written| format!("{written:?}")));
                    (format!("{written:?}"), format!("{:?}", commit(&*postgres, &batch).await))
                }
            };
            assert_eq!(answers.0, answers.1, "{context}");
            if step % 20 == 19 {
                assert_eq!(everything(&*sqlite).await, everything(&*postgres).await, "{context}");
            }
        }
        assert_eq!(kinds.len(), 3, "seed {seed} meets every answer: {kinds:?}");
    }
}
