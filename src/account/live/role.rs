//! The role of an account that owns distributions.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_sdk_s3::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;

use super::{Clients, KEPT, is_passing};
use crate::account::Answer;

/// As who the trail of the other account names the calls.
const SESSION: &str = "why403";

/// How long before their end credentials are taken for spent: an analysis may take minutes.
const MARGIN: Duration = Duration::from_secs(300);

/// A role, assumed when the first question needs it.
pub struct Role {
    arn: String,
    config: SdkConfig,
    provider: AssumeRoleProvider,
    state: Mutex<State>,
}

enum State {
    /// Nobody has asked.
    New,
    /// Its clients, until their credentials end.
    Assumed(Box<Clients>, Option<SystemTime>),
    /// Why it cannot be assumed, and when that was tried. Else each question would try again.
    Refused(Answer, Instant),
}

impl Role {
    /// The role of this ARN, which the credentials of `config` may assume.
    pub async fn new(arn: &str, config: &SdkConfig) -> Self {
        let provider = AssumeRoleProvider::builder(arn).session_name(SESSION).configure(config);
        Self {
            arn: arn.to_owned(),
            config: config.clone(),
            provider: provider.build().await,
            state: Mutex::new(State::New),
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The clients of its account; what is answered to every question where it cannot be assumed.
    pub async fn clients(&self) -> Result<Clients, Answer> {
        if let Some(refused) = self.refused() {
            return Err(refused);
        }
        if let State::Assumed(clients, until) = &*self.state()
            && lasts(*until)
        {
            return Ok(clients.as_ref().clone());
        }
        match self.provider.provide_credentials().await {
            Ok(credentials) => {
                let until = credentials.expiry();
                let provider = SharedCredentialsProvider::new(credentials);
                let config = self.config.to_builder().credentials_provider(provider).build();
                let clients = Clients::new(&config);
                *self.state() = State::Assumed(Box::new(clients.clone()), until);
                Ok(clients)
            }
            Err(error) => {
                let answer = why(&error);
                tracing::warn!(role = self.arn, ?answer, "the role cannot be assumed");
                *self.state() = State::Refused(answer.clone(), Instant::now());
                Err(answer)
            }
        }
    }

    /// Why it could not be assumed in the last minutes.
    pub fn refused(&self) -> Option<Answer> {
        match &*self.state() {
            State::Refused(answer, at) if at.elapsed() < KEPT => Some(answer.clone()),
            State::New | State::Assumed(..) | State::Refused(..) => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lasts(until: Option<SystemTime>) -> bool {
    until.is_none_or(|until| SystemTime::now() + MARGIN < until)
}

/// What STS answered. That it was not reached says nothing about the role.
fn why(error: &(dyn Error + 'static)) -> Answer {
    let mut next = Some(error);
    while let Some(one) = next {
        let code = one.downcast_ref::<AssumeRoleError>().and_then(ProvideErrorMetadata::code);
        match code {
            Some(code) if is_passing(code) => break,
            Some(code) => return Answer::Error { code: code.to_owned() },
            None => next = one.source(),
        }
    }
    Answer::Unreadable("the role could not be assumed".to_owned())
}
