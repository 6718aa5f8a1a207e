//! `stepwell worker --script`: every behaviour, through a real server.

use serde_json::{Value, json};
use stepwell_tests::process::{Ended, Server};

use crate::definitions_of_tests::{only, task};

const FUNCTION: &str = "arn:aws:lambda:region:account:function:work";

/// Runs one task for a resource against a worker with this script, to the end of both. Gives the execution
/// as it ended, and what the worker printed.
fn run(definition: &Value, script: Value, input: &str) -> (Value, Ended) {
    let server = Server::start();
    server.deploy("machine", definition);
    let worker = server.worker(&script);
    let ended = server
        .stepwell(&["start", "machine", "--name", "e-1", "--wait", "--input", input, "--output", "json"]);
    (ended.json(), worker.terminate().ok())
}

/// The task's end when its worker behaves like this.
fn answered(resource: &str, behaviour: &Value, input: &str) -> Value {
    run(&task(resource), json!({ "tasks": { resource: behaviour } }), input).0
}

#[test]
fn answers_are_what_the_script_says() {
    let table = [
        (json!({ "return": { "a": [1, null] } }), json!({ "a": [1, null] })),
        (json!({ "return": null }), json!(null)),
        (json!({ "echo": true }), json!({ "n": 1 })),
        (json!({ "return_format": "got {input}!" }), json!(r#"got {"n": 1}!"#)),
        (json!({ "return_repeat": { "text": "ab", "count": 3 } }), json!("ababab")),
        (json!({ "echo": true, "sleep_s": 0.05, "heartbeats": true }), json!({ "n": 1 })),
    ];
    for (behaviour, output) in table {
        let ended = answered(FUNCTION, &behaviour, r#"{"n": 1}"#);
        assert_eq!((&ended["status"], &ended["output"]), (&json!("SUCCEEDED"), &output), "{behaviour}");
    }
}

#[test]
fn failures_are_what_the_script_says() {
    let runtime = json!({ "raise": { "errorType": "PaymentFailed", "errorMessage": "declined", "stackTrace": ["a", "b"] } });
    let table = [
        (
            FUNCTION,
            runtime,
            "PaymentFailed",
            json!(r#"{"errorType": "PaymentFailed", "errorMessage": "declined", "stackTrace": ["a", "b"]}"#),
        ),
        ("worker:work", json!({ "raise": { "error": "E", "cause": "C" } }), "E", json!("C")),
        ("worker:work", json!({ "raise": { "error": "E" } }), "E", json!(null)),
        (
            "worker:work",
            json!({ "raise": { "error": "E", "cause_from_input": true } }),
            "E",
            json!(r#"{"n": 1}"#),
        ),
    ];
    for (resource, behaviour, error, cause) in table {
        let ended = answered(resource, &behaviour, r#"{"n": 1}"#);
        assert_eq!(
            (&ended["status"], &ended["error"], &ended["cause"]),
            (&json!("FAILED"), &json!(error), &cause)
        );
    }
}

#[test]
fn a_request_id_is_fresh_for_every_call() {
    let definition = json!({ "StartAt": "Work", "States": {
        "Work": { "Type": "Task", "Resource": FUNCTION, "Retry": [{ "ErrorEquals": ["E"], "IntervalSeconds": 1, "MaxAttempts": 1 }], "End": true },
    } });
    let server = Server::start();
    server.deploy("machine", &definition);
    let script = json!({ "tasks": { FUNCTION: { "raise": { "errorType": "E", "requestId": "<uuid>" } } } });
    let _worker = server.worker(&script);
    let _ = server.stepwell(&["start", "machine", "--name", "e-1", "--wait"]).exited(1);
    let events = server.json(&["history", "e-1"])["events"].take();
    let causes: Vec<Value> = events
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["type"] == "LambdaFunctionFailed")
        .map(|event| {
            serde_json::from_str(event["lambdaFunctionFailedEventDetails"]["cause"].as_str().unwrap())
                .unwrap()
        })
        .collect();
    let ids: Vec<&str> = causes.iter().map(|cause| cause["requestId"].as_str().unwrap()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1] && ids.iter().all(|id| id.len() == 36), "{ids:?}");
}

#[test]
fn an_invoked_function_gets_the_payload_and_answers_in_the_shape_of_the_service() {
    let invoke = |payload: Value| {
        let mut parameters = json!({ "FunctionName": "work" });
        parameters.as_object_mut().unwrap().extend(payload.as_object().unwrap().clone());
        only(
            json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, "End": true }),
        )
    };
    for (payload, output) in [(json!({ "Payload": { "n": 1 } }), json!({ "n": 1 })), (json!({}), json!({}))] {
        let (ended, _) = run(&invoke(payload), json!({ "tasks": { "work": { "echo": true } } }), "{}");
        assert_eq!(
            ended["output"],
            json!({ "ExecutedVersion": "$LATEST", "Payload": output, "StatusCode": 200 })
        );
    }
    let raise = json!({ "tasks": { "work": { "raise": { "errorType": "E", "errorMessage": "m" } } } });
    let (ended, _) = run(&invoke(json!({})), raise, "{}");
    assert_eq!(
        (&ended["error"], &ended["cause"]),
        (&json!("E"), &json!(r#"{"errorType":"E","errorMessage":"m"}"#))
    );
}

#[test]
fn a_task_that_is_never_answered_times_out() {
    let definition =
        only(json!({ "Type": "Task", "Resource": "worker:work", "TimeoutSeconds": 1, "End": true }));
    let (ended, worker) = run(&definition, json!({ "tasks": { "work": { "no_answer": true } } }), "{}");
    assert_eq!((&ended["status"], &ended["error"]), (&json!("FAILED"), &json!("States.Timeout")));
    let outcomes: Vec<_> = worker.json_lines().iter().map(|line| line["outcome"].clone()).collect();
    assert_eq!(outcomes, ["no_answer"]);
}

/// A slow and a quick task that reach their worker together: where the quick one was answered, the slow one
/// is under way.
fn slow_beside_quick() -> Value {
    json!({ "StartAt": "Both", "States": { "Both": { "Type": "Parallel", "End": true, "Branches": [
        { "StartAt": "Slow", "States": { "Slow": { "Type": "Task", "Resource": "worker:slow", "End": true } } },
        { "StartAt": "Quick", "States": { "Quick": { "Type": "Task", "Resource": "worker:quick", "End": true } } },
    ] } } })
}

#[test]
fn a_task_that_is_taken_back_is_cancelled() {
    let server = Server::start();
    server.deploy("machine", &slow_beside_quick());
    let script = json!({ "tasks": { "slow": { "sleep_s": 600, "return": 1 }, "quick": { "return": 2 } } });
    let mut worker = server.worker(&script);
    let _ = server.stepwell(&["start", "machine", "--name", "e-1"]).ok();
    assert_eq!(worker.json_line()["task"], "quick");
    let _ = server.stepwell(&["stop", "e-1"]).ok();
    let line = worker.json_line();
    assert_eq!((&line["task"], &line["outcome"]), (&json!("slow"), &json!("cancelled")));
}

#[test]
fn heartbeats_keep_a_task_alive_and_silence_does_not() {
    let definition = only(
        json!({ "Type": "Task", "Resource": "worker:work", "TimeoutSeconds": 30, "HeartbeatSeconds": 1, "End": true }),
    );
    let alive = json!({ "tasks": { "work": { "sleep_s": 2.5, "heartbeats": true, "return": "alive" } } });
    assert_eq!(run(&definition, alive, "{}").0["output"], "alive");
    let silent = json!({ "tasks": { "work": { "sleep_s": 20, "return": "late" } } });
    let (ended, worker) = run(&definition, silent, "{}");
    assert_eq!((&ended["status"], &ended["error"]), (&json!("FAILED"), &json!("States.Timeout")));
    assert_eq!(worker.json_lines()[0]["outcome"], "cancelled");
}

#[test]
fn sequences_play_one_behaviour_per_invocation() {
    let server = Server::start();
    server.deploy("machine", &task("worker:work"));
    let table = [
        ("repeat-last", [(0, json!(1)), (0, json!(2)), (0, json!(2)), (0, json!(2))]),
        ("cycle", [(0, json!(1)), (0, json!(2)), (0, json!(1)), (0, json!(2))]),
        ("fail", [(0, json!(1)), (0, json!(2)), (1, Value::Null), (1, Value::Null)]),
    ];
    for (then, expected) in table {
        let sequence = json!({ "sequence": [{ "return": 1 }, { "return": 2 }], "then": then });
        let worker = server.worker(&json!({ "tasks": { "work": sequence } }));
        for (code, output) in expected {
            let ended = server.stepwell(&["start", "machine", "--wait", "--output", "json"]).exited(code);
            assert_eq!(ended.json()["output"], output, "{then}");
        }
        let _ = worker.terminate().ok();
    }
}

/// A task that waits for its token, which it sends to a queue.
fn waits_for_token() -> Value {
    only(json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {
            "QueueUrl": "orders",
            "MessageBody": { "TaskToken.$": "$$.Task.Token", "Message.$": "$" },
        },
        "TimeoutSeconds": 20,
        "HeartbeatSeconds": 2,
        "End": true,
    }))
}

fn types_of(server: &Server, execution: &str) -> Vec<String> {
    let events = server.json(&["history", execution])["events"].take();
    events.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_token_is_answered_after_its_message_was_accepted() {
    let server = Server::start();
    server.deploy("machine", &waits_for_token());
    let token_at = "$.MessageBody.TaskToken";
    let success = json!({ "token_at": token_at, "then": "success", "output_from": "$.MessageBody.Message" });
    let beating = json!({ "token_at": token_at, "heartbeats": 3, "heartbeat_every_s": 0.9, "after_s": 0.1 });
    let failure = json!({ "token_at": token_at, "then": "failure", "error": "Refused", "cause": "no stock" });
    let worker = server.worker(&json!({ "tasks": { "sqs:sendMessage": { "sequence": [
        { "callback": success }, { "callback": beating }, { "callback": failure },
    ] } } }));
    let start = |name: &str| {
        let arguments =
            ["start", "machine", "--name", name, "--wait", "--input", r#"{"n":1}"#, "--output", "json"];
        server.stepwell(&arguments)
    };
    assert_eq!(start("e-1").ok().json()["output"], json!({ "n": 1 }));
    assert_eq!(start("e-2").ok().json()["output"], json!({}));
    let failed = start("e-3").exited(1).json();
    assert_eq!((&failed["error"], &failed["cause"]), (&json!("Refused"), &json!("no stock")));
    let expected = ["ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted"];
    for name in ["e-1", "e-2", "e-3"] {
        assert_eq!(types_of(&server, name)[..5], expected, "{name}");
    }
    let lines = worker.terminate().ok().json_lines();
    assert!(
        lines.iter().all(|line| line["outcome"] == "returned" && line["task"] == "sqs:sendMessage"),
        "{lines:?}"
    );
}

#[test]
fn a_token_that_nobody_answers_times_out() {
    let server = Server::start();
    server.deploy("machine", &waits_for_token());
    let worker =
        server.worker(&json!({ "tasks": { "arn:aws:states:::sqs:sendMessage": { "callback": null } } }));
    let failed = server
        .stepwell(&["start", "machine", "--name", "e-1", "--wait", "--output", "json"])
        .exited(1)
        .json();
    assert_eq!(failed["error"], "States.Timeout");
    assert!(types_of(&server, "e-1").contains(&"TaskSubmitted".to_owned()));
    let _ = worker.terminate().ok();
}

#[test]
fn each_worker_name_is_a_worker_of_its_own() {
    let server = Server::start();
    let activity = |name: &str| format!("arn:aws:states:local:000000000000:activity:{name}");
    server.deploy(
        "machine",
        &json!({ "StartAt": "A", "States": {
        "A": { "Type": "Task", "Resource": activity("a"), "Next": "B" },
        "B": { "Type": "Task", "Resource": activity("b"), "Next": "C" },
        "C": { "Type": "Task", "Resource": activity("c"), "End": true },
    } }),
    );
    let script = json!({ "tasks": {
        (activity("a")): { "echo": true, "worker_name": "ada" },
        "b": { "echo": true, "worker_name": "bob" },
        "c": { "echo": true },
    } });
    let file = server.file("worker.json", &script.to_string());
    let worker = server.spawn(&["worker", "--name", "everybody", "--script", file.to_str().unwrap()]);
    let _ = server.stepwell(&["start", "machine", "--name", "e-1", "--wait"]).ok();
    let events = server.json(&["history", "e-1"])["events"].take();
    let names: Vec<_> = events
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["activityStartedEventDetails"]["workerName"].as_str())
        .collect();
    assert_eq!(names, ["ada", "bob", "everybody"]);
    let ended = worker.terminate().ok();
    assert_eq!(ended.stdout.lines().count(), 3);
}

#[test]
fn every_invocation_is_reported() {
    let (_, worker) = run(&task(FUNCTION), json!({ "tasks": { "work": { "return": 1 } } }), r#"{"n": 1}"#);
    let lines = worker.json_lines();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(
        *line,
        json!({
            "at": line["at"], "task": "work", "execution": "e-1", "state": "Work", "attempt": 1,
            "idempotencyKey": line["idempotencyKey"], "input": { "n": 1 }, "outcome": "returned",
        })
    );
    assert!(line["at"].as_str().unwrap().ends_with('Z'));
    assert!(!line["idempotencyKey"].as_str().unwrap().is_empty());
}

#[test]
fn a_worker_waits_for_its_server_and_comes_back_to_it() {
    let mut server = Server::start();
    server.deploy("machine", &task("worker:work"));
    server.kill();
    let mut worker = server.worker(&json!({ "tasks": { "work": { "echo": true } } }));
    for name in ["e-1", "e-2"] {
        server.restart();
        let _ = server.stepwell(&["start", "machine", "--name", name, "--wait"]).ok();
        assert_eq!(worker.json_line()["execution"], name);
    }
    let _ = worker.terminate().ok();
}

#[test]
fn a_drain_finishes_what_is_under_way() {
    let server = Server::start();
    server.deploy("machine", &slow_beside_quick());
    let script =
        json!({ "tasks": { "slow": { "sleep_s": 1, "return": "slow" }, "quick": { "return": "quick" } } });
    let mut worker = server.worker(&script);
    let waiting = server.spawn(&["start", "machine", "--wait", "--output", "json"]);
    assert_eq!(worker.json_line()["task"], "quick");
    let ended = worker.terminate().ok();
    assert_eq!(ended.json_lines().last().unwrap()["task"], "slow");
    assert_eq!(waiting.wait().ok().json()["output"], json!(["slow", "quick"]));
}

#[test]
fn a_script_with_a_fault_is_refused_with_the_place() {
    let server = Server::start();
    let file = server.file("worker.json", "{ \"tasks\": {\n  \"work\": { \"retrun\": 1 }\n} }");
    let ended = server.spawn(&["worker", "--script", file.to_str().unwrap()]).wait().exited(2);
    let (expected, place) =
        ("unknown field `retrun`, expected one of `return`, `echo`", "at line 2 column 20");
    assert!(ended.stderr.contains(expected) && ended.stderr.contains(place), "{}", ended.stderr);
    let ended = server.stepwell(&["worker", "--script", "no/such.json"]).exited(2);
    assert!(ended.stderr.starts_with("error: can't read no/such.json"), "{}", ended.stderr);
}
