//! Deliveries of version 2 of standard logging: which columns they write, and where to.

use aws_sdk_cloudwatchlogs::Client;
use serde_json::{Value, json};

use super::refused;
use crate::account::Answer;

/// `describe-deliveries`, all pages.
pub async fn deliveries(client: &Client) -> Answer {
    let mut all: Vec<Value> = Vec::new();
    let mut pages = client.describe_deliveries().into_paginator().send();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => all.extend(page.deliveries().iter().map(|one| {
                json!({
                    "id": one.id,
                    "deliverySourceName": one.delivery_source_name,
                    "deliveryDestinationArn": one.delivery_destination_arn,
                    "deliveryDestinationType":
                        one.delivery_destination_type.as_ref().map(|kind| kind.as_str()),
                    "recordFields": one.record_fields,
                    "fieldDelimiter": one.field_delimiter,
                    "s3DeliveryConfiguration": one.s3_delivery_configuration.as_ref().map(|s3| {
                        json!({ "suffixPath": s3.suffix_path })
                    }),
                })
            })),
            Err(error) => return refused(&error),
        }
    }
    Answer::Said(json!({ "deliveries": all }))
}

/// `describe-delivery-sources`, all pages.
pub async fn sources(client: &Client) -> Answer {
    let mut all: Vec<Value> = Vec::new();
    let mut pages = client.describe_delivery_sources().into_paginator().send();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => all.extend(page.delivery_sources().iter().map(|one| {
                json!({
                    "name": one.name,
                    "resourceArns": one.resource_arns,
                    "logType": one.log_type,
                })
            })),
            Err(error) => return refused(&error),
        }
    }
    Answer::Said(json!({ "deliverySources": all }))
}

/// `describe-delivery-destinations`, all pages.
pub async fn destinations(client: &Client) -> Answer {
    let mut all: Vec<Value> = Vec::new();
    let mut pages = client.describe_delivery_destinations().into_paginator().send();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => all.extend(page.delivery_destinations().iter().map(|one| {
                json!({
                    "arn": one.arn,
                    "deliveryDestinationConfiguration":
                        one.delivery_destination_configuration.as_ref().map(|to| {
                            json!({ "destinationResourceArn": to.destination_resource_arn })
                        }),
                })
            })),
            Err(error) => return refused(&error),
        }
    }
    Answer::Said(json!({ "deliveryDestinations": all }))
}
