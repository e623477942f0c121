//! Path templates: what differs from path to path by chance becomes a placeholder.

use crate::viewer::show;

/// The template of a path as the viewer sent it.
pub fn of(path: &[u8]) -> String {
    let shown = show(path);
    let mut out = String::with_capacity(shown.len());
    for (n, segment) in shown.split('/').enumerate() {
        if n > 0 {
            out.push('/');
        }
        let mut first = true;
        for part in segment.split_inclusive(['.', '-', '_']) {
            let end = part.trim_end_matches(['.', '-', '_']).len();
            let (word, mark) = part.split_at_checked(end).unwrap_or((part, ""));
            out.push_str(token(word, first && mark.is_empty()));
            out.push_str(mark);
            first = false;
        }
    }
    out
}

fn token(word: &str, whole: bool) -> &str {
    let hex = word.bytes().all(|b| b.is_ascii_hexdigit());
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    if !word.is_empty() && digits == word.len() && (whole || digits >= 3) {
        "{n}"
    } else if word.len() >= 8 && hex && digits > 0 && letters > 0 {
        "{hash}"
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn chance_becomes_a_placeholder() {
        let of = |path: &str| super::of(path.as_bytes());
        assert_eq!(of("/static/app.65cdca72.js"), "/static/app.{hash}.js");
        assert_eq!(of("/products/90420"), "/products/{n}");
        assert_eq!(of("/api/v3/orders"), "/api/v3/orders");
    }
}
