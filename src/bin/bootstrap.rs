//! The Lambda function: start-up. Everything else is in `why403::function`.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing_subscriber::EnvFilter;
use why403::function::Function;
use why403::function::settings::Settings;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_env()?;
    // The SDKs speak up only where something is wrong.
    let filter = format!("warn,why403={0},bootstrap={0}", settings.log_level);
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(EnvFilter::new(filter))
        .init();
    let function = Function::start(settings).await;
    let invoke = |event: LambdaEvent<Value>| {
        let function = function.clone();
        async move {
            let deadline = event.context.deadline();
            function.invoke(&event.payload, deadline).await.map_err(Error::from)
        }
    };
    lambda_runtime::run(service_fn(invoke)).await
}
