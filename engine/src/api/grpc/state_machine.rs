//! `StateMachineService`.

use stepwell_asl::definition::Definition;
use stepwell_asl::definition::{Diagnostic, Severity};
use stepwell_proto::v1::state_machine_service_server::StateMachineService;
use stepwell_proto::v1::{
    CreateStateMachineRequest, CreateStateMachineResponse, DeleteStateMachineRequest,
    DeleteStateMachineResponse, DescribeStateMachineRequest, DescribeStateMachineResponse,
    ListStateMachinesRequest, ListStateMachinesResponse, UpdateStateMachineRequest,
    UpdateStateMachineResponse, ValidateDefinitionRequest, ValidateDefinitionResponse,
};
use tonic::{Request, Response, Status};

use super::convert;
use super::page_token;
use super::status::{required, status};
use crate::catalog::Put;
use crate::names::{check_name, machine_name};
use crate::runtime::clock;
use crate::service::{Error, Service};

pub(super) struct StateMachines {
    service: Service,
}

impl StateMachines {
    pub(super) fn new(service: Service) -> Self {
        Self { service }
    }
}

#[tonic::async_trait]
impl StateMachineService for StateMachines {
    async fn create_state_machine(
        &self,
        request: Request<CreateStateMachineRequest>,
    ) -> Result<Response<CreateStateMachineResponse>, Status> {
        let CreateStateMachineRequest { name, definition } = request.into_inner();
        let put = self.service.catalog().put(&name, &definition, Put::Create, clock::now()).await;
        let (machine, warnings) = put.map_err(|error| status(error.into()))?;
        Ok(Response::new(CreateStateMachineResponse {
            state_machine: Some(convert::machine(&machine, &self.service.headers().realm)),
            diagnostics: diagnostics(warnings),
        }))
    }

    async fn update_state_machine(
        &self,
        request: Request<UpdateStateMachineRequest>,
    ) -> Result<Response<UpdateStateMachineResponse>, Status> {
        let UpdateStateMachineRequest { state_machine, definition, create_if_missing } = request.into_inner();
        let put = if create_if_missing { Put::CreateOrUpdate } else { Put::Update };
        let put =
            self.service.catalog().put(machine_name(&state_machine), &definition, put, clock::now()).await;
        let (machine, warnings) = put.map_err(|error| status(error.into()))?;
        Ok(Response::new(UpdateStateMachineResponse {
            state_machine: Some(convert::machine(&machine, &self.service.headers().realm)),
            diagnostics: diagnostics(warnings),
        }))
    }

    async fn describe_state_machine(
        &self,
        request: Request<DescribeStateMachineRequest>,
    ) -> Result<Response<DescribeStateMachineResponse>, Status> {
        let name = request.into_inner().state_machine;
        required("state_machine", &name)?;
        let name = machine_name(&name);
        let machine = self.service.catalog().machine(name).await.map_err(|error| status(error.into()))?;
        let machine = machine.ok_or_else(|| {
            status(Error::NotFound(format!("expected a state machine, but none is called '{name}'")))
        })?;
        let state_machine = Some(convert::machine(&machine, &self.service.headers().realm));
        Ok(Response::new(DescribeStateMachineResponse { state_machine }))
    }

    async fn list_state_machines(
        &self,
        request: Request<ListStateMachinesRequest>,
    ) -> Result<Response<ListStateMachinesResponse>, Status> {
        let ListStateMachinesRequest { page_size: size, page_token: token } = request.into_inner();
        let size = page_token::page_size(size);
        // The token is the last name of the page before: new machines never shift a page.
        let after = Some(token.as_str()).filter(|token| !token.is_empty());
        if let Some(token) = after.filter(|token| check_name(token).is_err()) {
            return Err(page_token::unknown(token));
        }
        let rows = self.service.store().machines(after, size + 1).await;
        let mut rows = rows.map_err(|error| status(error.into()))?;
        let more = rows.len() > size as usize;
        rows.truncate(size as usize);
        let next_page_token = rows.last().filter(|_| more).map(|row| row.name.clone()).unwrap_or_default();
        let realm = &self.service.headers().realm;
        let state_machines = rows.iter().map(|row| convert::listed_machine(row, realm)).collect();
        Ok(Response::new(ListStateMachinesResponse { state_machines, next_page_token }))
    }

    async fn delete_state_machine(
        &self,
        request: Request<DeleteStateMachineRequest>,
    ) -> Result<Response<DeleteStateMachineResponse>, Status> {
        let name = request.into_inner().state_machine;
        required("state_machine", &name)?;
        let deleted = self.service.catalog().delete(machine_name(&name), clock::now()).await;
        deleted.map_err(|error| status(error.into()))?;
        Ok(Response::new(DeleteStateMachineResponse {}))
    }

    async fn validate_definition(
        &self,
        request: Request<ValidateDefinitionRequest>,
    ) -> Result<Response<ValidateDefinitionResponse>, Status> {
        let (_, found) = Definition::parse(&request.into_inner().definition);
        let valid = found.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
        Ok(Response::new(ValidateDefinitionResponse { valid, diagnostics: diagnostics(found) }))
    }
}

fn diagnostics(diagnostics: Vec<Diagnostic>) -> Vec<stepwell_proto::v1::Diagnostic> {
    diagnostics.into_iter().map(convert::diagnostic).collect()
}
