//! `stepwell bench` and `stepwell doctor`: what they print, not how fast anything is.

use serde_json::Value;
use stepwell_tests::process::{Server, stepwell};

#[test]
fn bench_measures_a_mix_and_leaves_a_sound_database() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    let server = Server::start_with(Some(url.clone()), &[]);
    let report =
        server.json(&["bench", "--concurrency", "4", "--duration", "1", "--warmup", "0", "--failing", "50"]);
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64).unwrap_or(-1.0);
    assert!(number("/sagas") > 0.0, "{report}");
    assert_eq!(report["errors"], 0, "{report}");
    let percentiles = ["p50", "p90", "p99", "max"].map(|name| number(&format!("/latencyMs/{name}")));
    assert!(percentiles[0] > 0.0 && percentiles.is_sorted(), "{report}");
    assert!(number("/sagasPerSecond") > 0.0 && number("/seconds") >= 1.0, "{report}");
    for measured in
        ["/server/cpuUsPerSaga", "/server/rssBytes", "/server/diskBytesPerSaga", "/workers/cpuUsPerSaga"]
    {
        assert!(number(measured) > 0.0, "{measured} in {report}");
    }

    assert_eq!(server.terminate().code, Some(0));
    let found = stepwell(["doctor", "--database-url", &url, "--output", "json"]).ok().json();
    assert_eq!(found["faults"], serde_json::json!([]), "{found}");
    assert!(found["executions"].as_f64() >= Some(number("/sagas")), "{found}");
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let server = Server::start();
    let report = server.json(&["bench", "--rate", "20", "--duration", "1", "--warmup", "0"]);
    let sagas = report["sagas"].as_u64().unwrap_or_default();
    assert!((15..=21).contains(&sagas), "{report}");
}

#[test]
fn a_bad_rate_is_refused() {
    let refused = stepwell(["bench", "--rate", "0"]).exited(2);
    assert!(refused.stderr.contains("more than 0"), "{}", refused.stderr);
}
