//! `ExecutionService`.

use std::pin::Pin;

use futures::Stream;
use futures::stream;
use stepwell_asl::failure::Failure;
use stepwell_proto::v1::execution_service_server::ExecutionService;
use stepwell_proto::v1::{
    DescribeExecutionRequest, DescribeExecutionResponse, ExecutionStatus, FollowExecutionRequest,
    FollowExecutionResponse, GetExecutionHistoryRequest, GetExecutionHistoryResponse, ListExecutionsRequest,
    ListExecutionsResponse, StartExecutionRequest, StartExecutionResponse, StopExecutionRequest,
    StopExecutionResponse,
};
use tonic::{Request, Response, Status};

use super::page_token::{self, page_size};
use super::status::{required, status};
use super::{Closing, convert};
use crate::service::{EventPage, Followed, Service};
use crate::store::RowNo;

/// What a follower is told when the server shuts down.
const CLOSING: &str = "the server is shutting down; follow again from the event behind the last one seen";

pub(super) struct Executions {
    service: Service,
    closing: Closing,
}

impl Executions {
    pub(super) fn new(service: Service, closing: Closing) -> Self {
        Self { service, closing }
    }
}

#[tonic::async_trait]
impl ExecutionService for Executions {
    async fn start_execution(
        &self,
        request: Request<StartExecutionRequest>,
    ) -> Result<Response<StartExecutionResponse>, Status> {
        let StartExecutionRequest { state_machine, name, input } = request.into_inner();
        required("state_machine", &state_machine)?;
        let started = self.service.start(&state_machine, &name, input.as_deref()).await.map_err(status)?;
        Ok(Response::new(StartExecutionResponse {
            execution: Some(convert::execution(started.execution)),
            started: started.new,
        }))
    }

    async fn describe_execution(
        &self,
        request: Request<DescribeExecutionRequest>,
    ) -> Result<Response<DescribeExecutionResponse>, Status> {
        let execution = request.into_inner().execution;
        required("execution", &execution)?;
        let view = self.service.describe(&execution).await.map_err(status)?;
        Ok(Response::new(DescribeExecutionResponse { execution: Some(convert::execution(view)) }))
    }

    async fn list_executions(
        &self,
        request: Request<ListExecutionsRequest>,
    ) -> Result<Response<ListExecutionsResponse>, Status> {
        let request = request.into_inner();
        let wanted = ExecutionStatus::try_from(request.status).map_err(|_| {
            Status::invalid_argument(format!("expected a known status, found {}", request.status))
        })?;
        let before =
            page_token::number(&request.page_token)?.and_then(|no| i64::try_from(no).ok()).map(RowNo);
        let machine = Some(request.state_machine.as_str()).filter(|name| !name.is_empty());
        let size = page_size(request.page_size);
        let page =
            self.service.list(machine, convert::stored_status(wanted), before, size).await.map_err(status)?;
        let next = page.next.and_then(|no| u64::try_from(no.0).ok());
        Ok(Response::new(ListExecutionsResponse {
            executions: page.executions.into_iter().map(convert::execution).collect(),
            next_page_token: next.map(page_token::of_number).unwrap_or_default(),
        }))
    }

    async fn stop_execution(
        &self,
        request: Request<StopExecutionRequest>,
    ) -> Result<Response<StopExecutionResponse>, Status> {
        let StopExecutionRequest { execution, error, cause } = request.into_inner();
        required("execution", &execution)?;
        let failure = Failure { error: error.map(Into::into), cause: cause.map(Into::into) };
        let view = self.service.stop(&execution, failure).await.map_err(status)?;
        Ok(Response::new(StopExecutionResponse { execution: Some(convert::execution(view)) }))
    }

    async fn get_execution_history(
        &self,
        request: Request<GetExecutionHistoryRequest>,
    ) -> Result<Response<GetExecutionHistoryResponse>, Status> {
        let request = request.into_inner();
        required("execution", &request.execution)?;
        let page = EventPage {
            from: page_token::number(&request.page_token)?,
            limit: page_size(request.page_size),
            reverse: request.reverse_order,
        };
        let page = self.service.history(&request.execution, page).await.map_err(status)?;
        Ok(Response::new(GetExecutionHistoryResponse {
            events: page.events.into_iter().map(convert::event).collect(),
            next_page_token: page.next.map(page_token::of_number).unwrap_or_default(),
        }))
    }

    type FollowExecutionStream = Pin<Box<dyn Stream<Item = Result<FollowExecutionResponse, Status>> + Send>>;

    async fn follow_execution(
        &self,
        request: Request<FollowExecutionRequest>,
    ) -> Result<Response<Self::FollowExecutionStream>, Status> {
        let FollowExecutionRequest { execution, from_event_id, end_only } = request.into_inner();
        required("execution", &execution)?;
        let following = self.service.follow(&execution, from_event_id, end_only).await.map_err(status)?;
        let pieces =
            stream::try_unfold((following, self.closing.clone()), |(mut following, closing)| async {
                let next = tokio::select! {
                    biased;
                    () = closing.clone() => return Err(Status::unavailable(CLOSING)),
                    next = following.next() => next.map_err(status)?,
                };
                Ok(next.map(|piece| (response(piece), (following, closing))))
            });
        Ok(Response::new(Box::pin(pieces)))
    }
}

fn response(piece: Followed) -> FollowExecutionResponse {
    match piece {
        Followed::Events(events) => FollowExecutionResponse {
            events: events.into_iter().map(convert::event).collect(),
            execution: None,
        },
        Followed::Ended(view) => {
            FollowExecutionResponse { events: Vec::new(), execution: Some(convert::execution(*view)) }
        }
    }
}
