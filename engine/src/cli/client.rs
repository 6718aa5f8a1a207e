//! The server, as commands talk to it: one method per rpc they use, and what its refusals mean to people.

use std::error::Error as _;
use std::time::Duration;

use stepwell_proto::v1::execution_service_client::ExecutionServiceClient;
use stepwell_proto::v1::state_machine_service_client::StateMachineServiceClient;
use stepwell_proto::v1::{
    DeleteStateMachineRequest, DescribeExecutionRequest, DescribeStateMachineRequest, Execution,
    FollowExecutionRequest, FollowExecutionResponse, GetExecutionHistoryRequest, GetExecutionHistoryResponse,
    ListExecutionsRequest, ListExecutionsResponse, ListStateMachinesRequest, ListStateMachinesResponse,
    StartExecutionRequest, StartExecutionResponse, StateMachine, StopExecutionRequest,
    UpdateStateMachineRequest, UpdateStateMachineResponse,
};
use tonic::transport::{self, Channel, Endpoint};
use tonic::{Code, Response, Status, Streaming};
use tonic_types::StatusExt;

use super::error::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that answers no ping for the sum of these is gone; only noticed while something is awaited.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(10));
/// A page of a history holds inputs and outputs of up to 256 KiB each. The server's word is trusted this far.
const MESSAGE_BYTES_MAX: usize = 512 * 1024 * 1024;

/// What helps when a state machine is not found, and when an execution is not.
const MACHINES_HELP: &str = "`stepwell machines` lists those there are";
const EXECUTIONS_HELP: &str = "`stepwell list` shows those there are";

/// A connection to a server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client {
    server: String,
    machines: StateMachineServiceClient<Channel>,
    executions: ExecutionServiceClient<Channel>,
}

impl Client {
    /// Connects; should the connection break later, the next call connects again.
    pub(super) async fn connect(server: &str) -> Result<Self, Error> {
        let endpoint = endpoint(server)?;
        let channel = endpoint.connect().await.map_err(|_| Error::Unreachable(server.to_owned()))?;
        Ok(Self::over(channel, server))
    }

    /// A client that connects when it is first used.
    pub(super) fn connect_lazily(server: &str) -> Result<Self, Error> {
        Ok(Self::over(endpoint(server)?.connect_lazy(), server))
    }

    fn over(channel: Channel, server: &str) -> Self {
        Self {
            server: server.to_owned(),
            machines: StateMachineServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX),
            executions: ExecutionServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX),
        }
    }

    pub(super) async fn deploy(
        &self,
        name: String,
        definition: String,
    ) -> Result<UpdateStateMachineResponse, Error> {
        let request = UpdateStateMachineRequest { state_machine: name, definition, create_if_missing: true };
        self.answer(self.machines.clone().update_state_machine(request).await, MACHINES_HELP)
    }

    pub(super) async fn machine(&self, name: &str) -> Result<StateMachine, Error> {
        let request = DescribeStateMachineRequest { state_machine: name.to_owned() };
        let answered = self.machines.clone().describe_state_machine(request).await;
        self.present(self.answer(answered, MACHINES_HELP)?.state_machine)
    }

    pub(super) async fn machines(&self, page_token: String) -> Result<ListStateMachinesResponse, Error> {
        let request = ListStateMachinesRequest { page_size: 1_000, page_token };
        self.answer(self.machines.clone().list_state_machines(request).await, MACHINES_HELP)
    }

    pub(super) async fn delete_machine(&self, name: &str) -> Result<(), Error> {
        let request = DeleteStateMachineRequest { state_machine: name.to_owned() };
        self.answer(self.machines.clone().delete_state_machine(request).await, MACHINES_HELP).map(|_| ())
    }

    pub(super) async fn start(
        &self,
        request: StartExecutionRequest,
    ) -> Result<StartExecutionResponse, Error> {
        self.answer(self.executions.clone().start_execution(request).await, MACHINES_HELP)
    }

    pub(super) async fn describe(&self, execution: &str) -> Result<Execution, Error> {
        let request = DescribeExecutionRequest { execution: execution.to_owned() };
        let answered = self.executions.clone().describe_execution(request).await;
        self.present(self.answer(answered, EXECUTIONS_HELP)?.execution)
    }

    pub(super) async fn list(&self, request: ListExecutionsRequest) -> Result<ListExecutionsResponse, Error> {
        self.answer(self.executions.clone().list_executions(request).await, MACHINES_HELP)
    }

    pub(super) async fn stop(&self, request: StopExecutionRequest) -> Result<Execution, Error> {
        let answered = self.executions.clone().stop_execution(request).await;
        self.present(self.answer(answered, EXECUTIONS_HELP)?.execution)
    }

    pub(super) async fn history(
        &self,
        request: GetExecutionHistoryRequest,
    ) -> Result<GetExecutionHistoryResponse, Error> {
        self.answer(self.executions.clone().get_execution_history(request).await, EXECUTIONS_HELP)
    }

    /// Opens a stream of events. The status is given as it is, for whoever wants to open it again.
    pub(super) async fn follow(
        &self,
        request: FollowExecutionRequest,
    ) -> Result<Streaming<FollowExecutionResponse>, Status> {
        self.executions.clone().follow_execution(request).await.map(Response::into_inner)
    }

    /// What a refusal to follow means.
    pub(super) fn refused(&self, status: &Status) -> Error {
        self.error(status, EXECUTIONS_HELP)
    }

    fn answer<T>(&self, answered: Result<Response<T>, Status>, if_not_found: &str) -> Result<T, Error> {
        answered.map(Response::into_inner).map_err(|status| self.error(&status, if_not_found))
    }

    fn present<T>(&self, member: Option<T>) -> Result<T, Error> {
        member.ok_or_else(|| Error::Unavailable {
            server: self.server.clone(),
            message: "expected its answer to hold what was asked for, found nothing".to_owned(),
        })
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum: every other code is the server's own words"
    )]
    fn error(&self, status: &Status, if_not_found: &str) -> Error {
        let message = status.message();
        match status.code() {
            Code::NotFound => Error::Refused(format!("{message}; {if_not_found}")),
            Code::InvalidArgument => Error::Refused(with_violations(status)),
            Code::Unimplemented => Error::Refused(format!(
                "expected Stepwell's gRPC API at {}, found something else; is it the port that `stepwell ready grpc=` \
                 names?",
                self.server
            )),
            Code::Unavailable | Code::Unknown if is_of_transport(status) => {
                Error::Unreachable(self.server.clone())
            }
            Code::Unavailable | Code::ResourceExhausted | Code::Cancelled | Code::DeadlineExceeded => {
                Error::Unavailable { server: self.server.clone(), message: message.to_owned() }
            }
            _ => Error::Refused(message.to_owned()),
        }
    }
}

fn endpoint(server: &str) -> Result<Endpoint, Error> {
    let invalid = |found: String| {
        Error::Usage(format!(
            "expected --server to be an address such as http://127.0.0.1:7410, found {found}"
        ))
    };
    let endpoint = Endpoint::from_shared(server.to_owned()).map_err(|_| invalid(format!("'{server}'")))?;
    if !matches!(endpoint.uri().scheme_str(), Some("http" | "https")) {
        return Err(invalid(format!("'{server}', which does not begin with http:// or https://")));
    }
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1);
    if endpoint.uri().scheme_str() == Some("https") {
        let tls = transport::ClientTlsConfig::new().with_enabled_roots();
        return endpoint.tls_config(tls).map_err(|error| invalid(format!("'{server}': {error}")));
    }
    Ok(endpoint)
}

/// Whether a status was made on this side, by the lack of a connection.
fn is_of_transport(status: &Status) -> bool {
    status.source().is_some_and(|source| source.is::<transport::Error>())
}

/// The message, with the faults in its details that it does not spell out itself.
fn with_violations(status: &Status) -> String {
    let violations =
        status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default();
    let told = violations.iter().filter(|violation| !status.message().contains(&violation.description));
    let told: Vec<_> =
        told.map(|violation| format!("\n  {}: {}", violation.field, violation.description)).collect();
    format!("{}{}", status.message(), told.concat())
}
