//! Signed URLs and cookies: query, cookie and path, a line each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::signature::{Asked, Column, redact, signature};

fuzz_target!(|text: &[u8]| {
    let mut lines = text.splitn(3, |byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (query, cookie, path) = (next(), next(), next());
    let _ = redact(query);
    for cut in [None, Some(cookie.len()), Some(800)] {
        let asked = Asked {
            protocol: Column::Value(b"https"),
            host: Column::Value(b"www.example.com"),
            path,
            query: Column::Value(query),
            cookie: Column::Value(cookie),
            cookies_logged: Some(true),
            cookie_cut_at: cut,
            client_ip: Column::Value(b"192.0.2.1"),
            began: None,
        };
        assert_eq!(signature(&asked, None), signature(&asked, None));
    }
});
