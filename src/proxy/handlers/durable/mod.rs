//! The durable handler: it responds 200 once the inbox has committed a verified delivery. The
//! dispatcher delivers it from there.

mod intake;
mod store_task;
mod subscribers;

use bytes::Bytes;
use http::Response;

use crate::proxy::{
    outcome::{Handled, RequestOutcome},
    response_body::ResponseBody,
};

pub(crate) use intake::Intake;

/// Stores a verified delivery.
pub(crate) async fn store(intake: Intake) -> Handled {
    match store_task::spawn(intake).await {
        RequestOutcome::Failed { reason, cause } => Handled::failed(reason, cause),
        outcome => Handled {
            response: Response::new(ResponseBody::from(Bytes::new())),
            outcome,
        },
    }
}

#[cfg(test)]
mod tests;
