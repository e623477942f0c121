//! Why CloudFront answers 403.
//!
//! # Layout
//!
//! Data goes down this line once and never back:
//!
//! ```text
//! delivery -> object -> record -> refusal -> verdict -> finding  -> incident   -> alert
//! (trigger)   (logs)    (logs)    (tally)    (causes)   (clusters)  (incidents)   (alerts, report)
//! ```
//!
//! - [`trigger`]: a Lambda event of any shape to deliveries.
//! - [`logs`]: bytes to records, and the tally of what was refused.
//! - [`account`]: what AWS says of a distribution, from a bundle or a live account.
//! - [`policy`]: whether a resource policy lets a request through.
//! - [`signature`]: what is wrong with a signed URL or cookie.
//! - [`causes`]: one file a cause, and the judge.
//! - [`clusters`]: where a cause strikes.
//! - [`incidents`]: what is new, and what was seen before.
//! - [`report`]: the report as plain values and as text.
//! - [`alerts`]: what people and programs are told, made safe to show.
//! - [`asked`]: origins that were asked directly, and what they answered.
//! - [`analysis`]: the only file that knows all rooms.
//! - [`audit`]: the same rules, asked about requests that nobody has sent yet.
//! - [`countries`]: where addresses are, by a database of the reader's own.
//! - [`schema`]: the JSON Schema of what comes out.
//! - [`simulate`]: made-up incidents with known causes.
//! - [`viewer`]: what a viewer sent, escaped wherever it is shown.
//! - [`limits`]: every limit with its reason.

pub mod account;
pub mod alerts;
pub mod analysis;
pub mod asked;
pub mod audit;
pub mod causes;
pub mod clusters;
pub mod countries;
#[cfg(feature = "aws")]
pub mod function;
pub mod incidents;
pub mod limits;
pub mod logs;
pub mod policy;
pub mod report;
pub mod schema;
pub mod signature;
pub mod simulate;
pub mod trigger;
pub mod viewer;
