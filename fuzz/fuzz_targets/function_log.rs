//! Logs of functions at the edge.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use why403::limits::Limits;
use why403::logs::function::{FunctionIndex, Ran};
use why403::logs::read_function;

const ID: &str = "k7eZUm50jFqkJg0CJjAaf3gA7_qxVaSCRnSfNpAlke4h82b6Y555QA==";
const OTHER: &str = "x7eZUm50jFqkJg0CJjAaf3gA7_qxVaSCRnSfNpAlke4h82b6Y555QA==";

fuzz_target!(|text: &[u8]| {
    let wanted: HashSet<Box<str>> = [ID.into()].into();
    let mut index = FunctionIndex::default();
    read_function(text, &Limits::default(), &wanted, &mut index);
    // What a function writes about one request says nothing of another.
    let line: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let line = [OTHER.as_bytes(), b" START\n", OTHER.as_bytes(), b" ", &line].concat();
    let mut one = FunctionIndex::default();
    read_function(line.as_slice(), &Limits::default(), &wanted, &mut one);
    assert_ne!(one.ran(ID), Some(Ran::CloudFront));
});
