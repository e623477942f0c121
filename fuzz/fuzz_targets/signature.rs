//! Signed URLs and cookies: query, cookie and path, a line each. What a log cut off is never taken
//! for absent, no query shows a secret, and nobody who lacks the private key makes a signature that
//! verifies.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use why403::limits::REALTIME_CUT_BYTES;
use why403::signature::{
    Asked, Column, PublicKey, Signature, Verified, Work, parts, redact, signature, verify,
};

/// The private half of this one was thrown away.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEl4qaAxFfdGL4UbxGokD5iiZO1lbo
tEqD5RhRpVxq+ze6yqcEepllefevB7v6TqRMpORl3uYFdXVhWMe+0tiQFQ==
-----END PUBLIC KEY-----";

fuzz_target!(|text: &[u8]| {
    let mut lines = text.splitn(3, |byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (query, cookie, path) = (next(), next(), next());
    let asked = Asked {
        protocol: Column::Value(b"https"),
        host: Column::Value(b"www.example.com"),
        path,
        query: Column::of(Some(query)),
        cookie: Column::of(Some(cookie)),
        cookies_logged: Some(true),
        cookie_cut_at: None,
        client_ip: Column::Value(b"192.0.2.1"),
        began: None,
        ended: None,
    };
    let whole = signature(&asked, None);
    assert_eq!(signature(&asked, None), whole);
    let _ = signature(&asked, Some(&BTreeSet::new()));
    for cut in [REALTIME_CUT_BYTES, cookie.len() / 2, cookie.len()] {
        let cookie = &cookie[..cut.min(cookie.len())];
        let cookie = Column::of(Some(cookie));
        let cut = signature(&Asked { cookie, cookie_cut_at: Some(cut), ..asked }, None);
        assert!(cut != Signature::Absent || whole == Signature::Absent);
    }
    if let (Some(parts), Some(key)) = (parts(&asked), PublicKey::from_pem(KEY)) {
        let found = verify(&asked, &parts, &key, &["d1.cloudfront.net"], &mut Work(64));
        assert!(matches!(found, Verified::Bad | Verified::Masked | Verified::TooMany));
        assert_eq!(parts.digest(), why403::signature::parts(&asked).map_or([0; 32], |p| p.digest()));
    }
    let shown = redact(query);
    assert!(shown.bytes().all(|byte| matches!(byte, 0x20..=0x7e)), "{shown:?}");
    if !query.windows(6).any(|bytes| bytes == b"zYxWvU") {
        let signed = [query, b"&Signature=zYxWvU"].concat();
        assert!(!redact(&signed).contains("zYxWvU"));
    }
});
