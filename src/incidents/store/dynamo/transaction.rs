//! What one transaction writes: objects that are counted, and all that follows from it; and how it
//! ended.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as WriteError;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::super::{Change, Committed, StoreError};
use super::items::{
    Item, OPEN, STATE_SECONDS, WAITING, counted_item, distribution_pk, item, mark_item, named,
    number, outbox_item, series_item, series_sk, site_item, story_item, text, waiting_item,
    waiting_sk,
};
use super::{DynamoStore, away};
use crate::trigger::Object;
use crate::trigger::stream::Sequence;

/// What must be true of an item, or the transaction writes nothing.
#[derive(Clone, Copy)]
enum Only<'a> {
    /// Nothing: the same again is the same.
    Any,
    /// Nobody wrote it since it was read; never written is zero.
    Revision(u64),
    /// It is still there.
    Present,
    /// Nobody has counted further than this record.
    Last(&'a Sequence),
}

const ABSENT: &str = "attribute_not_exists(pk)";
const PRESENT: &str = "attribute_exists(pk)";
const SAME: &str = "revision = :revision";
const LAST: &str = "#last = :last";

impl DynamoStore {
    /// Writes a change, or nothing of it.
    pub(super) fn transact(&self, change: &Change) -> Result<Committed, StoreError> {
        let items = self.transaction(change)?;
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let Err(error) = self.handle.block_on(request.send()) else { return Ok(Committed::Done) };
        let Some(WriteError::TransactionCanceledException(canceled)) = error.as_service_error()
        else {
            let code = error.code().unwrap_or_default();
            // The same transaction runs already, or another one holds one of its items.
            let conflict =
                matches!(code, "TransactionInProgressException" | "TransactionConflictException");
            return if conflict { Ok(Committed::Conflict) } else { Err(away(error)) };
        };
        let codes: Vec<&str> = canceled
            .cancellation_reasons()
            .iter()
            .map(|reason| reason.code().unwrap_or("None"))
            .collect();
        let counted = change.objects.iter().zip(&codes);
        let marks = codes.iter().skip(change.objects.len()).take(change.marks.len());
        if marks.into_iter().any(|code| *code == "ConditionalCheckFailed") {
            return Err(StoreError::Outrun);
        }
        let duplicates: Vec<Object> = counted
            .filter(|(_, code)| **code == "ConditionalCheckFailed")
            .map(|((object, _), _)| object.clone())
            .collect();
        if !duplicates.is_empty() {
            Ok(Committed::Duplicates(duplicates))
        } else if codes.iter().any(|code| {
            matches!(
                *code,
                "ConditionalCheckFailed"
                    | "TransactionConflict"
                    | "ThrottlingError"
                    | "ProvisionedThroughputExceeded"
            )
        }) {
            Ok(Committed::Conflict)
        } else {
            Err(away(error))
        }
    }

    fn transaction(&self, change: &Change) -> Result<Vec<TransactWriteItem>, StoreError> {
        let distribution = change.distribution.as_str();
        let mut items = Vec::with_capacity(change.items());
        // The objects come first: a refusal is told by the place of its item.
        for (object, counted) in &change.objects {
            items.push(self.write(counted_item(object, counted), Only::Revision(0))?);
        }
        for mark in &change.marks {
            let only = mark.before.as_ref().map_or(Only::Revision(0), Only::Last);
            items.push(self.write(mark_item(distribution, mark), only)?);
        }
        if let Some(site) = &change.site {
            items.push(self.write(site_item(distribution, site), Only::Revision(site.revision))?);
        }
        match change.opens {
            Some(true) => {
                let row = item(OPEN.to_owned(), named(distribution).to_owned(), STATE_SECONDS);
                items.push(self.write(row, Only::Any)?);
            }
            Some(false) => items.push(self.delete(OPEN, named(distribution), Only::Any)?),
            None => {}
        }
        if let Some(wait) = &change.settled {
            items.push(self.delete(WAITING, &waiting_sk(wait), Only::Present)?);
        }
        for wait in &change.waits {
            items.push(self.write(waiting_item(wait), Only::Any)?);
        }
        for (subject, series) in &change.series {
            let row = series_item(distribution, subject, series);
            items.push(self.write(row, Only::Revision(series.revision))?);
        }
        for (subject, revision) in &change.gone {
            let pk = distribution_pk(distribution);
            items.push(self.delete(&pk, &series_sk(subject), Only::Revision(*revision))?);
        }
        for (cause, story) in &change.stories {
            let row = story_item(distribution, *cause, story);
            items.push(self.write(row, Only::Revision(story.revision))?);
        }
        for alert in &change.outbox {
            items.push(self.write(outbox_item(alert), Only::Any)?);
        }
        Ok(items)
    }

    fn write(&self, item: Item, only: Only<'_>) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match only {
            Only::Any => put,
            Only::Revision(0) => put.condition_expression(ABSENT),
            Only::Revision(revision) => put
                .condition_expression(SAME)
                .expression_attribute_values(":revision", number(revision)),
            Only::Present => put.condition_expression(PRESENT),
            Only::Last(last) => put
                .condition_expression(LAST)
                .expression_attribute_names("#last", "last")
                .expression_attribute_values(":last", text(last.as_str())),
        };
        let put = put.build().map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete(&self, pk: &str, sk: &str, only: Only<'_>) -> Result<TransactWriteItem, StoreError> {
        let delete =
            Delete::builder().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk));
        let delete = match only {
            Only::Any => delete,
            Only::Revision(revision) => delete
                .condition_expression(SAME)
                .expression_attribute_values(":revision", number(revision)),
            Only::Present | Only::Last(_) => delete.condition_expression(PRESENT),
        };
        let delete = delete.build().map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
