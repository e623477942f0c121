//! What to do where a key of KMS does not open for CloudFront.

use super::Place;
use super::policy::{add_whole, attach, create_control};
use crate::account::command::quoted;
use crate::causes::remedy::{Case, Remedy};
use crate::causes::s3_origin::asks::Asks;
use crate::causes::s3_origin::key::KeyState;

pub(super) fn encrypted(case: &Case<'_>, place: &Place<'_>) -> Remedy {
    let bucket = &place.bucket;
    let heads = place.facts.into_iter().flat_map(|facts| facts.heads.values());
    let key = heads.filter_map(|head| head.known()?.kms_key()).find(|key| !key.is_empty());
    let key = key.map_or_else(|| "KEY-ID".to_owned(), quoted);
    if place.met.is_some_and(|met| met.asks != Asks::Signed) {
        return Remedy::new(format!(
            "Give the origin of {bucket} an origin access control: without one CloudFront cannot \
             read what a key of KMS encrypts."
        ))
        .step(create_control(bucket))
        .step(attach(case, place))
        .step(add_whole(case, place))
        .step(format!("And to the Statement of the policy of the key {key} {}", decrypt(case)));
    }
    let known = !matches!(place.key_state(), Some(KeyState::Encrypted(_)));
    Remedy::new(if known {
        "Let CloudFront decrypt with the key of these objects."
    } else {
        "Look whether the policy of the key of these objects lets CloudFront decrypt."
    })
    .step(format!(
        "aws kms get-key-policy --key-id {key} --policy-name default --query Policy --output \
             text > key.json"
    ))
    .step(format!("Add to its Statement, if nothing like it is there, {}", decrypt(case)))
    .step(format!(
        "aws kms put-key-policy --key-id {key} --policy-name default --policy file://key.json"
    ))
}

fn decrypt(case: &Case<'_>) -> String {
    format!(
        "{{ \"Effect\": \"Allow\", \"Principal\": {{ \"Service\": \"cloudfront.amazonaws.com\" }}, \
         \"Action\": \"kms:Decrypt\", \"Resource\": \"*\", \"Condition\": {{ \"StringEquals\": {{ \
         \"AWS:SourceArn\": \"{}\" }} }} }}",
        case.arn()
    )
}
