//! What is said where there were more refusals than can be looked at.

use super::Inputs;
use super::words::{several, thousands};

/// How many were looked at, and how to look at more; nothing where it was all of them.
pub fn of(inputs: &Inputs) -> Option<String> {
    let Inputs { refusals_left_out, maybe_refusals_left_out, .. } = *inputs;
    if refusals_left_out + maybe_refusals_left_out == 0 {
        return None;
    }
    let masked = match maybe_refusals_left_out {
        0 => String::new(),
        count => {
            let requests = several(count, "request");
            format!(", and {requests} of which nobody knows whether they were refused")
        }
    };
    Some(format!(
        "There are too many refusals to look at all: one in {} was, chosen by its id, and what \
         follows is about those. {} are counted above and nowhere else{masked}. \
         --limit refusal-bytes=1G looks at more.",
        inputs.refusals_looked_at_one_in,
        thousands(refusals_left_out),
    ))
}
