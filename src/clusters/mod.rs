//! Where a cause strikes, in the fewest words that are still true.
//!
//! A finding that lists two thousand paths helps nobody. This room turns the refusals of one
//! finding into at most five combinations of path, edge, country, host and method that explain
//! most of them and stand out against what the distribution served meanwhile:
//! `/static/{hash}.js` everywhere; `/api/v2/invoices/{n}` at Frankfurt only; `POST /login` from
//! Vietnam.
//!
//! - [`template()`] gives one path its readable form: what varies becomes a placeholder.
//! - [`Sample`] keeps a bounded, order-free share of the requests.
//! - [`Collapse`] knows both samples and folds segments that never repeat into `{*}`.
//! - [`city()`] says where an edge stands.
//! - [`locate`] contrasts refused with served rows and names the combinations.
//!
//! Everything here is pure: same rows, same clusters, whatever the order they came in.

mod city;
mod collapse;
mod form;
mod region;
mod sample;
mod scan;
mod search;
mod table;
mod template;

#[cfg(test)]
mod tests;

pub use city::city;
pub use collapse::Collapse;
pub use sample::{Sample, key_hash};
pub use search::{Cluster, Named, Row, locate};
pub use template::template;
