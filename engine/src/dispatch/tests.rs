//! The dispatcher alone: order, turns, credits, returns, and that nothing is kept of what is over.

use std::collections::BTreeMap;
use std::task::Poll;

use futures::FutureExt;
use stepwell_asl::definition::Definition;
use stepwell_asl::ids::TaskToken;
use stepwell_asl::machine::Limits;
use stepwell_asl::payload::Payload;

use super::*;

/// The only attempt of an execution with this number, on its way to a queue.
fn task(number: u128, queue: &str) -> Delivery {
    let (definition, _) =
        Definition::parse(r#"{ "StartAt": "S", "States": { "S": { "Type": "Succeed" } } }"#);
    let id = ExecutionId(number);
    let header = Header {
        id,
        arn: "arn".into(),
        name: "execution".into(),
        machine_arn: "arn".into(),
        machine_name: "machine".into(),
        role_arn: "arn".into(),
        region: "local".into(),
        definition: Arc::new(definition.expect("a valid definition")),
        limits: Limits::default(),
    };
    let order = TaskOrder {
        token: TaskToken { execution: id, attempt: EventId(3), nonce: 77 },
        queue: queue.into(),
        input: Payload::empty_object(),
        state: "S".into(),
        entered: EventId(2),
        attempt_number: 1,
        deadline_at: None,
        heartbeat: None,
        reports_start: false,
    };
    Delivery { order, header: Arc::new(header), number: 0 }
}

fn key(number: u128) -> TaskKey {
    (ExecutionId(number), EventId(3))
}

fn token(number: u128) -> TaskToken {
    task(number, "q").order.token
}

/// A dispatcher, and workers by their names.
#[derive(Default)]
struct Stage {
    dispatcher: Dispatcher,
    workers: BTreeMap<&'static str, (WorkerId, Arc<Outbox>)>,
}

impl Stage {
    fn connect(&mut self, name: &'static str, queues: &[&str], credits: u32) {
        let queues = queues.iter().map(|queue| Arc::from(*queue)).collect();
        let worker = self.dispatcher.connect(queues, credits).expect("it is welcome");
        self.workers.insert(name, worker);
    }

    fn disconnect(&mut self, name: &str) -> Vec<u128> {
        let (id, _) = self.workers.remove(name).expect("it is connected");
        let lost = self.dispatcher.disconnect(id);
        lost.into_iter().map(|delivery| delivery.order.token.execution.0).collect()
    }

    fn offer(&self, queue: &str, numbers: impl IntoIterator<Item = u128>) {
        self.dispatcher.offer(numbers.into_iter().map(|number| task(number, queue)));
    }

    fn id(&self, name: &str) -> WorkerId {
        self.workers[name].0
    }

    fn credit(&self, name: &str, credits: u32) {
        self.dispatcher.add_credits(self.id(name), credits);
    }

    fn hand_back(&self, name: &str, number: u128) -> bool {
        self.dispatcher.hand_back(self.id(name), token(number))
    }

    /// The mail of a worker, if there is any.
    fn mail(&self, name: &str) -> Mail {
        self.workers[name].1.take().now_or_never().flatten().unwrap_or_default()
    }

    /// The tasks in a worker's mail, and the number of the delivery of each.
    fn deliveries(&self, name: &str) -> Vec<(u128, u32)> {
        let tasks = self.mail(name).tasks.into_iter();
        tasks.map(|delivery| (delivery.order.token.execution.0, delivery.number)).collect()
    }

    fn tasks(&self, name: &str) -> Vec<u128> {
        self.deliveries(name).into_iter().map(|(number, _)| number).collect()
    }

    /// How many tasks a queue holds; none when there is no such queue.
    fn waiting(&self, queue: &str) -> Option<usize> {
        self.dispatcher.state().queues.get(queue).map(Queue::len)
    }
}

#[test]
fn a_task_comes_once_and_in_order() {
    let mut stage = Stage::default();
    stage.offer("q", [1, 2, 3, 2, 1]);
    stage.connect("w", &["q"], 2);
    assert_eq!(stage.tasks("w"), [1, 2]);
    stage.offer("q", [1, 4, 3]);
    stage.credit("w", 9);
    assert_eq!(stage.tasks("w"), [3, 4]);
    stage.offer("q", [5]);
    assert_eq!(stage.tasks("w"), [5], "straight to whoever has credit");
}

#[test]
fn no_credit_no_task() {
    let mut stage = Stage::default();
    stage.connect("w", &["q"], 0);
    stage.offer("q", 0..10);
    assert!(stage.tasks("w").is_empty());
    for (credits, expected) in [(1, vec![0]), (0, vec![]), (3, vec![1, 2, 3])] {
        stage.credit("w", credits);
        assert_eq!(stage.tasks("w"), expected);
    }
    stage.credit("w", u32::MAX);
    stage.credit("w", u32::MAX);
    assert_eq!(stage.tasks("w"), (4..10).collect::<Vec<_>>());
    // What is over costs no further credit, and what comes back uses a new one.
    stage.connect("poor", &["other"], 1);
    stage.offer("other", [20, 21]);
    assert_eq!(stage.tasks("poor"), [20]);
    stage.dispatcher.settle(key(20), Some(stage.id("poor")));
    assert!(stage.tasks("poor").is_empty());
}

#[test]
fn the_oldest_of_several_queues_comes_first() {
    let mut stage = Stage::default();
    for (number, queue) in ["b", "a", "c", "a", "b", "c", "b"].into_iter().enumerate() {
        stage.offer(queue, [number as u128]);
    }
    stage.connect("w", &["a", "b"], 3);
    assert_eq!(stage.tasks("w"), [0, 1, 3]);
    stage.connect("all", &["c", "b", "a"], 9);
    assert_eq!(stage.tasks("all"), [2, 4, 5, 6]);
}

#[test]
fn workers_take_turns_and_the_unwilling_are_passed_over() {
    let mut stage = Stage::default();
    for name in ["one", "two", "three"] {
        stage.connect(name, &["q"], 10);
    }
    stage.connect("poor", &["q"], 1);
    stage.offer("q", 0..8);
    assert_eq!(stage.tasks("one"), [0, 4, 7]);
    assert_eq!(stage.tasks("two"), [1, 5]);
    assert_eq!(stage.tasks("three"), [2, 6]);
    assert_eq!(stage.tasks("poor"), [3]);
    stage.dispatcher.drain(stage.id("two"));
    stage.disconnect("three");
    stage.credit("two", 5);
    stage.offer("q", 10..12);
    // The two that three had came back first.
    assert_eq!(stage.tasks("one"), [2, 6, 10, 11]);
    assert!(stage.tasks("two").is_empty());
}

#[test]
fn what_comes_back_stands_where_it_stood() {
    let mut stage = Stage::default();
    stage.offer("q", 0..6);
    stage.connect("first", &["q"], 2);
    stage.connect("second", &["q"], 2);
    assert_eq!((stage.tasks("first"), stage.tasks("second")), (vec![0, 1], vec![2, 3]));
    assert!(stage.disconnect("second").is_empty());
    assert!(stage.hand_back("first", 1));
    assert!(stage.disconnect("first").is_empty());
    stage.connect("w", &["q"], 9);
    let expected = [(0, 2), (1, 1), (2, 2), (3, 2), (4, 1), (5, 1)];
    assert_eq!(stage.deliveries("w"), expected, "a loss counts, a return does not");
}

#[test]
fn what_is_handed_back_goes_to_somebody_else() {
    let mut stage = Stage::default();
    stage.connect("unwilling", &["q"], 9);
    stage.offer("q", [1, 2]);
    assert_eq!(stage.tasks("unwilling"), [1, 2]);
    assert!(stage.hand_back("unwilling", 1));
    assert!(stage.tasks("unwilling").is_empty(), "though it has credit");
    stage.connect("w", &["q"], 2);
    assert_eq!(stage.tasks("w"), [1]);
    assert!(stage.hand_back("unwilling", 2));
    assert_eq!(stage.tasks("w"), [2]);
    assert!(!stage.hand_back("unwilling", 2), "it has it no more");
    assert!(!stage.hand_back("w", 9), "it never had it");
    let forged = TaskToken { nonce: 78, ..token(2) };
    assert!(!stage.dispatcher.hand_back(stage.id("w"), forged));
    // When there is nobody else, whoever asks for more gets it, be it the same one.
    assert!(stage.hand_back("w", 2));
    assert_eq!(stage.tasks("unwilling"), [2]);
    stage.disconnect("w");
    assert!(stage.hand_back("unwilling", 2));
    stage.credit("unwilling", 1);
    assert_eq!(stage.tasks("unwilling"), [1, 2]);
}

#[test]
fn a_task_that_loses_its_workers_is_given_up() {
    let mut stage = Stage::default();
    stage.offer("q", [1]);
    for delivery in 1..=DELIVERIES_MAX {
        stage.connect("w", &["q"], 1);
        assert_eq!(stage.deliveries("w"), [(1, delivery)]);
        assert_eq!(stage.disconnect("w"), if delivery < DELIVERIES_MAX { vec![] } else { vec![1] });
    }
    stage.connect("w", &["q"], 1);
    assert!(stage.tasks("w").is_empty());
}

#[test]
fn settling_tells_who_has_the_task_unless_they_settled_it() {
    let mut stage = Stage::default();
    stage.connect("w", &["q"], 3);
    stage.connect("other", &["q"], 0);
    stage.offer("q", 1..=3);
    assert_eq!(stage.tasks("w"), [1, 2, 3]);
    stage.dispatcher.settle(key(1), Some(stage.id("w")));
    assert!(stage.mail("w").cancellations.is_empty());
    stage.dispatcher.settle(key(2), None);
    stage.dispatcher.settle(key(3), Some(stage.id("other")));
    stage.dispatcher.settle(key(3), None);
    stage.dispatcher.settle(key(9), None);
    assert_eq!(stage.mail("w").cancellations, [token(2), token(3)], "each once");
    assert!(!stage.hand_back("w", 2));
    assert!(stage.disconnect("w").is_empty());
    stage.credit("other", 9);
    assert!(stage.tasks("other").is_empty(), "nothing of it comes back");
    assert!(stage.dispatcher.state().places.is_empty());
}

#[test]
fn a_queue_stays_as_small_as_what_waits_in_it() {
    let stage = Stage::default();
    stage.offer("q", 0..1_000);
    for number in 0..999 {
        stage.dispatcher.settle(key(number), None);
        let really = 999 - usize::try_from(number).expect("a small number");
        assert!(stage.waiting("q").expect("a queue") <= 2 * really + 1, "after {number}");
    }
    stage.dispatcher.settle(key(999), None);
    assert_eq!(stage.waiting("q"), None, "a queue that nobody serves and nobody needs is gone");
    assert!(stage.dispatcher.state().places.is_empty());

    // The same from the front, with a worker that takes what is left.
    let mut stage = Stage::default();
    stage.offer("q", 0..10);
    for number in [0, 1, 5] {
        stage.dispatcher.settle(key(number), None);
    }
    stage.connect("w", &["q"], 20);
    assert_eq!(stage.tasks("w"), [2, 3, 4, 6, 7, 8, 9]);
    assert_eq!(stage.waiting("q"), Some(0));
    stage.disconnect("w");
    assert_eq!(stage.waiting("q"), Some(7));
}

#[test]
fn a_dispatcher_that_shuts_down_hands_out_nothing_and_welcomes_nobody() {
    let mut stage = Stage::default();
    stage.connect("w", &["q"], 5);
    stage.dispatcher.shut_down();
    stage.offer("q", [1]);
    stage.credit("w", 5);
    let mail = stage.mail("w");
    assert!(mail.tasks.is_empty() && mail.shut_down);
    assert_eq!(stage.dispatcher.connect(vec!["q".into()], 1).err(), Some(Unwelcome::ShuttingDown));
    stage.dispatcher.send_away();
    assert!(matches!(stage.workers["w"].1.take().now_or_never(), Some(None)), "the end of its mail");
}

#[test]
fn there_are_only_so_many_workers() {
    let dispatcher = Dispatcher::default();
    let connect = || dispatcher.connect(vec!["q".into()], 0);
    let workers: Vec<_> = (0..WORKERS_MAX).map(|_| connect().expect("there is room")).collect();
    assert_eq!(connect().err(), Some(Unwelcome::TooMany));
    dispatcher.disconnect(workers[7].0);
    assert!(connect().is_ok());
}

#[tokio::test]
async fn who_takes_no_receipts_is_listened_to_no_more() {
    let outbox = Outbox::default();
    let receipt = || Receipt { token: vec![0; 1_000], verdict: Verdict::Refused, message: String::new() };
    let mut written = 0;
    while outbox.room().now_or_never().is_some() {
        outbox.receipt(receipt());
        written += 1;
    }
    assert!((900..1_100).contains(&written), "about a MiB: {written}");
    let mut room = Box::pin(outbox.room());
    assert_eq!(futures::poll!(&mut room), Poll::Pending);
    assert_eq!(outbox.take().await.map(|mail| mail.receipts.len()), Some(written));
    room.await;

    while outbox.room().now_or_never().is_some() {
        outbox.receipt(receipt());
    }
    let mut room = Box::pin(outbox.room());
    assert_eq!(futures::poll!(&mut room), Poll::Pending);
    outbox.close();
    room.await;
    outbox.receipt(receipt());
    assert_eq!(outbox.take().await.map(|mail| mail.receipts.len()), Some(written), "what was in goes out");
    assert!(outbox.take().await.is_none());
}
