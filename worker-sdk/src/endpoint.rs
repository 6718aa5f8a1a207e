//! [`Endpoint`]: where the engine is and how to prove who we are.
//!
//! Does not keep connections: each stream opens its own, so that a reconnect starts from nothing.

use std::fmt;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{self, Certificate, Channel, ClientTlsConfig, Identity};

use crate::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A dead engine, or a network that swallows packets, is noticed after the sum of these two.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The flow-control windows, fixed rather than adaptive: what is in flight is bounded by the credits anyway,
/// and the pings with which an adaptive window measures the line would cost more than they bring.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 2 * 1024 * 1024;

/// The address of an engine, with what is needed to be let in.
///
/// An address is enough for most: everything that takes an `Endpoint` takes text too.
///
/// ```no_run
/// # use stepwell_worker::{Endpoint, TlsOptions};
/// # fn main() -> anyhow::Result<()> {
/// let tls = TlsOptions::new()
///     .ca_pem(std::fs::read("ca.pem")?)
///     .identity_pem(std::fs::read("worker.pem")?, std::fs::read("worker.key")?);
/// let endpoint = Endpoint::new("https://stepwell.internal:7410")
///     .bearer_token(std::env::var("STEPWELL_TOKEN")?)
///     .tls(tls);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Endpoint {
    address: String,
    bearer_token: Option<String>,
    tls: Option<TlsOptions>,
}

impl Endpoint {
    /// An engine at `http://host:port`, or `https://host:port` for TLS.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), bearer_token: None, tls: None }
    }

    /// Sends this token with every call, as `authorization: Bearer …`. Without TLS it crosses the network in
    /// the clear.
    #[must_use]
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// Settles how TLS is spoken; only for an `https` address. Without it, the certificate must come from one
    /// of the public authorities.
    #[must_use]
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = Some(options);
        self
    }

    /// Checks everything that can be checked without a network.
    pub(crate) fn resolve(self) -> Result<Dialer, Error> {
        let authorization = self.bearer_token.as_deref().map(authorization).transpose();
        let authorization = authorization.map_err(|problem| self.refuse(problem))?;
        let endpoint = transport::Endpoint::from_shared(self.address.clone())
            .map_err(|error| self.refuse(error.to_string()))?;
        let endpoint = endpoint
            .user_agent(concat!("stepwell-worker/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| self.refuse(error.to_string()))?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        let endpoint = match (endpoint.uri().scheme_str(), &self.tls) {
            (Some("http"), None) => endpoint,
            (Some("http"), Some(_)) => {
                return Err(self.refuse("it has TLS options, which need an https address"));
            }
            (Some("https"), options) => endpoint
                .tls_config(options.clone().unwrap_or_default().into_config())
                .map_err(|error| self.refuse(format!("its TLS options can't be used: {}", root(&error))))?,
            (_, _) => return Err(self.refuse("it does not begin with http:// or https://")),
        };
        Ok(Dialer { endpoint, authorization })
    }

    fn refuse(&self, problem: impl Into<String>) -> Error {
        Error::Endpoint { address: self.address.clone(), problem: problem.into() }
    }
}

impl<T: Into<String>> From<T> for Endpoint {
    fn from(address: T) -> Self {
        Self::new(address)
    }
}

/// Leaves the secrets out.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).finish_non_exhaustive()
    }
}

/// How TLS is spoken with the engine: whom to trust, and which certificate to show.
#[derive(Clone, Default)]
pub struct TlsOptions {
    ca_pem: Vec<Vec<u8>>,
    identity_pem: Option<(Vec<u8>, Vec<u8>)>,
    server_name: Option<String>,
}

impl TlsOptions {
    /// Trusts the public authorities and shows no certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts this authority, given as PEM text, instead of the public ones. May be called more than once.
    #[must_use]
    pub fn ca_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.ca_pem.push(pem.as_ref().to_vec());
        self
    }

    /// Shows this certificate (mutual TLS): the certificate chain and its private key as PEM text.
    #[must_use]
    pub fn identity_pem(mut self, certificates: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identity_pem = Some((certificates.as_ref().to_vec(), key.as_ref().to_vec()));
        self
    }

    /// Expects this name in the engine's certificate, instead of the host of the address.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    fn into_config(self) -> ClientTlsConfig {
        let mut config = ClientTlsConfig::new().timeout(CONNECT_TIMEOUT);
        if self.ca_pem.is_empty() {
            config = config.with_enabled_roots();
        }
        config = config.ca_certificates(self.ca_pem.into_iter().map(Certificate::from_pem));
        if let Some((certificates, key)) = self.identity_pem {
            config = config.identity(Identity::from_pem(certificates, key));
        }
        if let Some(name) = self.server_name {
            config = config.domain_name(name);
        }
        config
    }
}

/// Leaves the key out.
impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("authorities", &self.ca_pem.len())
            .field("identity", &self.identity_pem.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// An endpoint that was checked: opens connections and signs requests.
#[derive(Clone)]
pub(crate) struct Dialer {
    endpoint: transport::Endpoint,
    authorization: Option<MetadataValue<Ascii>>,
}

impl Dialer {
    pub(crate) async fn connect(&self) -> Result<Channel, transport::Error> {
        self.endpoint.connect().await
    }

    /// A channel that connects when it is first used, and again when it lost its connection.
    pub(crate) fn connect_lazily(&self) -> Channel {
        self.endpoint.connect_lazy()
    }

    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }

    /// The address as it may be logged: without a user name or a password.
    pub(crate) fn address(&self) -> String {
        let uri = self.endpoint.uri();
        let port = uri.port_u16().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default())
    }
}

fn authorization(token: &str) -> Result<MetadataValue<Ascii>, String> {
    let mut value = MetadataValue::try_from(format!("Bearer {token}"))
        .map_err(|_| "its bearer token has characters that a header can't carry".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The innermost message of an error: the outer ones of a transport error say no more than that it is one.
pub(crate) fn root(error: &dyn std::error::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_checked_is_checked_before_connecting() {
        let http = "http://127.0.0.1:7410";
        let https = "https://stepwell.internal:7410";
        let table = [
            (Endpoint::new(http), None),
            (Endpoint::new(https), None),
            (Endpoint::new(http).bearer_token("t0ken"), None),
            (Endpoint::new("127.0.0.1:7410"), Some("http:// or https://")),
            (Endpoint::new("grpc://127.0.0.1:7410"), Some("http:// or https://")),
            (Endpoint::new("http://not a host"), Some("found `http://not a host`")),
            (Endpoint::new(""), Some("found ``")),
            (Endpoint::new(http).bearer_token("a\nb"), Some("bearer token")),
            (Endpoint::new(http).tls(TlsOptions::new()), Some("https address")),
            (Endpoint::new(https).tls(TlsOptions::new().ca_pem("no certificate")), None),
            (Endpoint::new(https).tls(TlsOptions::new().identity_pem("no", "key")), Some("TLS options")),
        ];
        for (endpoint, problem) in table {
            let shown = format!("{endpoint:?}");
            match (endpoint.resolve(), problem) {
                (Ok(_), None) => {}
                (Err(error), Some(problem)) => assert!(error.to_string().contains(problem), "{error}"),
                (Ok(_), Some(problem)) => panic!("{shown}: expected a problem with `{problem}`"),
                (Err(error), None) => panic!("{shown}: {error}"),
            }
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let endpoint = Endpoint::new("https://h:1").bearer_token("s3cret");
        let tls = TlsOptions::new().identity_pem("c3rt", "k3y");
        let shown = format!("{endpoint:?} {tls:?}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("107, 51, 121") && !shown.contains("k3y"),
            "{shown}"
        );
    }
}
