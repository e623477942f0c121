//! Lambda events: envelopes in envelopes, and none that is right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::trigger;

fuzz_target!(|text: &[u8]| {
    let Ok(event) = serde_json::from_slice(text) else { return };
    let batch = trigger::read(&event);
    assert!(!batch.partial || !batch.messages.is_empty());
});
