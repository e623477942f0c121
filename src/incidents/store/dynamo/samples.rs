//! Some requests of each hour, as items that nobody has to clear away.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;

use super::{DynamoStore, Item, away, bytes, damaged, get_number, get_text, item, named, number};
use crate::incidents::series::HourNumber;
use crate::incidents::store::StoreError;
use crate::incidents::store::samples::Hourly;

/// An incident shows what was seen in its last day.
const SAMPLE_SECONDS: i64 = 48 * 3600;

fn pk(distribution: &str) -> String {
    format!("samples#{}", named(distribution))
}

fn sk(name: &str, hour: HourNumber) -> String {
    format!("{name}#{:010}", hour.max(0))
}

fn hourly(item: &Item) -> Option<Result<Hourly, StoreError>> {
    let hour = get_text(item, "sk")?.rsplit('#').next()?.parse().ok()?;
    let rows = item.get("rows")?.as_b().ok()?;
    Some(Hourly::decode(hour, rows.as_ref(), get_number(item, "revision")?))
}

impl DynamoStore {
    pub(super) fn hourly(
        &self,
        distribution: &str,
        name: &str,
        (first, last): (HourNumber, HourNumber),
    ) -> Result<Vec<Hourly>, StoreError> {
        let items = self.query(&pk(distribution), &sk(name, first), &sk(name, last))?;
        items.iter().map(|item| hourly(item).ok_or_else(|| damaged(item))?).collect()
    }

    pub(super) fn put_hourly(
        &self,
        distribution: &str,
        name: &str,
        hourly: &Hourly,
    ) -> Result<bool, StoreError> {
        let mut row = item(pk(distribution), sk(name, hourly.hour), SAMPLE_SECONDS);
        row.insert("rows".to_owned(), bytes(hourly.encode()));
        row.insert("revision".to_owned(), number(hourly.revision + 1));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(row));
        let put = match hourly.revision {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            revision => put
                .condition_expression("revision = :revision")
                .expression_attribute_values(":revision", number(revision)),
        };
        match self.handle.block_on(put.send()) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(away(error)),
        }
    }
}
