//! Mutual TLS. The certificates in `tls/` were made for this test only, for the name `stepwell.test`.

use stepwell_worker::{TaskContext, TaskError, TlsOptions, Worker};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::fake_engine::{FakeEngine, run, task};

const CA: &str = include_str!("tls/ca.pem");

#[tokio::test]
async fn both_sides_show_their_certificates() {
    let identity = Identity::from_pem(include_str!("tls/server.pem"), include_str!("tls/server.key"));
    let tls = ServerTlsConfig::new().identity(identity).client_ca_root(Certificate::from_pem(CA));
    let mut engine = FakeEngine::start_tls(tls).await;

    let options = TlsOptions::new()
        .ca_pem(CA)
        .identity_pem(include_str!("tls/client.pem"), include_str!("tls/client.key"))
        .server_name("stepwell.test");
    let worker = Worker::builder(format!("https://127.0.0.1:{}", engine.port()))
        .tls(options)
        .task("echo", |_: TaskContext, n: u32| async move { Ok::<_, TaskError>(n) });
    let _running = run(worker);

    let (mut link, _) = engine.welcome().await;
    link.tasks([task("echo", "a", "1")]).await;
    assert_eq!(link.outcomes().await.0, "a=1");
}
