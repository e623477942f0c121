//! Path templates: masks that look at one path alone.
//!
//! The masks keep no state, so the template of a path never depends on what was read before it:
//! log lines may come in any order, in any split, twice. What can only be seen across paths (a
//! segment that never repeats) is the business of `collapse`.

use crate::limits::TEMPLATE_BYTES;

/// The placeholders a template may hold. A viewer who sends one of them literally is shown as if
/// it were meant, because a template must be its own template; every other brace is escaped.
const TOKENS: [&str; 6] = ["{uuid}", "{date}", "{n}", "{hash}", "{locale}", "{*}"];

/// Hex digits from which a mix of digits and letters is a hash: bundlers write eight.
const SHORTEST_HEX: usize = 8;

/// Length from which an alphanumeric mix of both cases and digits is an identifier.
const SHORTEST_ID: usize = 20;

/// The template of a path, of which one layer of percent-encoding has been undone.
///
/// The result is printable ASCII without spaces; other bytes are percent-encoded, and what is left
/// of percent-encoding after the first layer stays as it is. `*` and braces are escaped as well,
/// because in a template they mean something. Any bytes have a template, and a template is its own
/// template. Takes time linear in the length of the path.
pub fn template(path: &[u8]) -> String {
    let text = printable(path);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.split('/').peekable();
    let mut first = true;
    while let Some(segment) = rest.next() {
        if !first {
            out.push('/');
        }
        first = false;
        if is_year(segment) && rest.next_if(|s| is_two_digits(s)).is_some() {
            rest.next_if(|s| is_two_digits(s));
            out.push_str("{date}");
        } else {
            mask(segment, &mut out);
        }
    }
    shorten(out)
}

/// The path as printable ASCII in which braces and stars can only be placeholders.
fn printable(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len() + 16);
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'%' => match tail {
                [a, b, after @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                    out.push('%');
                    out.push(char::from(a.to_ascii_uppercase()));
                    out.push(char::from(b.to_ascii_uppercase()));
                    rest = after;
                }
                _ => out.push_str("%25"),
            },
            b'{' => match token_at(tail) {
                Some((token, after)) => {
                    out.push_str(token);
                    rest = after;
                }
                None => out.push_str("%7B"),
            },
            b'}' => out.push_str("%7D"),
            b'*' => out.push_str("%2A"),
            0x21..=0x7E => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push(hex_digit(byte >> 4));
                out.push(hex_digit(byte & 15));
            }
        }
    }
    out
}

/// The placeholder whose opening brace stood just before `tail`, and what follows it.
fn token_at(tail: &[u8]) -> Option<(&'static str, &[u8])> {
    TOKENS.iter().find_map(|token| {
        let inner = token.as_bytes().get(1..)?;
        Some((*token, tail.strip_prefix(inner)?))
    })
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).map_or('0', |c| c.to_ascii_uppercase())
}

/// Appends one segment with its varying parts masked.
///
/// The segment is read from left to right. A *run* is a longest stretch of letters and digits; what
/// stands between runs (dots, dashes, escapes, placeholders) is copied, so that `app.65cdca72.js`
/// keeps its name and its extension. Every decision looks at a run, at its place between
/// delimiters, or at a whole part between dots that holds no placeholder yet: none of them changes
/// when its neighbours are masked, which is what makes templates their own templates.
fn mask(segment: &str, out: &mut String) {
    let mut rest = segment;
    let mut after_dot = true;
    while let Some(&byte) = rest.as_bytes().first() {
        let (shown, taken) = if let Some((token, len)) = masked(rest, after_dot) {
            (token, len)
        } else if byte == b'{' {
            copied(rest, rest.find('}').map_or(1, |end| end + 1))
        } else if byte == b'%' {
            copied(rest, 3)
        } else if byte.is_ascii_alphanumeric() {
            let run = run_len(rest);
            let versioned = byte == b'v'
                && rest.get(1..run).is_some_and(|d| !d.is_empty() && all_digits(d))
                && numbers_len(rest.get(1..).unwrap_or("")) > run;
            copied(rest, if versioned { 1 } else { run })
        } else {
            copied(rest, 1)
        };
        out.push_str(shown);
        after_dot = byte == b'.' && taken == 1;
        rest = rest.get(taken..).unwrap_or("");
    }
}

/// The first `len` bytes of `rest`, to be shown as they are.
fn copied(rest: &str, len: usize) -> (&str, usize) {
    match rest.get(..len) {
        Some(part) => (part, len),
        None => (rest, rest.len()),
    }
}

/// The placeholder for what begins at `rest`, and how many bytes it stands for.
fn masked(rest: &str, after_dot: bool) -> Option<(&'static str, usize)> {
    let run = run_len(rest);
    if run > 0 {
        if is_uuid(rest) {
            return Some(("{uuid}", 36));
        }
        if is_dashed_date(rest) {
            return Some(("{date}", 10));
        }
    }
    if after_dot {
        let part = rest.find('.').unwrap_or(rest.len());
        if rest.get(..part).is_some_and(is_random) {
            return Some(("{hash}", part));
        }
    }
    let word = rest.get(..run)?;
    match word {
        "" => None,
        _ if is_compact_date(word) => Some(("{date}", run)),
        _ if all_digits(word) => Some(("{n}", numbers_len(rest))),
        _ if is_hex_hash(word) || is_random(word) => Some(("{hash}", run)),
        _ => None,
    }
}

/// The length of the run of letters and digits at the beginning.
fn run_len(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphanumeric).count()
}

/// The length of `3`, `3.6` or `3.6.1`: numbers joined by dots are one version, hence one number.
fn numbers_len(text: &str) -> usize {
    let mut len = run_len(text);
    while let Some(next) = text.get(len..).and_then(|t| t.strip_prefix('.')) {
        let run = run_len(next);
        if run == 0 || !next.get(..run).is_some_and(all_digits) {
            break;
        }
        len += 1 + run;
    }
    len
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn is_year(segment: &str) -> bool {
    segment.len() == 4 && segment.starts_with("20") && all_digits(segment)
}

fn is_two_digits(segment: &str) -> bool {
    segment.len() == 2 && all_digits(segment)
}

/// `20240131`. Month and day are checked, because an order number may begin with 20 as well.
fn is_compact_date(word: &str) -> bool {
    let within = |range: std::ops::Range<usize>, low: u32, high: u32| {
        let number = word.get(range).and_then(|s| s.parse::<u32>().ok());
        number.is_some_and(|n| (low..=high).contains(&n))
    };
    word.len() == 8
        && word.starts_with("20")
        && all_digits(word)
        && within(4..6, 1, 12)
        && within(6..8, 1, 31)
}

/// `2024-01-31`, not followed by more of a word.
fn is_dashed_date(text: &str) -> bool {
    text.starts_with("20") && fits(text, "dddd-dd-dd", |b| b.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    fits(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", |b| b.is_ascii_hexdigit())
}

/// Whether the text begins with the shape, in which every byte but a dash stands for one that
/// `holds`, and no letter or digit follows.
fn fits(text: &str, shape: &str, holds: fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    let matches = shape.bytes().all(|want| {
        bytes.next().is_some_and(|got| if want == b'-' { got == b'-' } else { holds(got) })
    });
    matches && !bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
}

fn is_hex_hash(word: &str) -> bool {
    word.len() >= SHORTEST_HEX
        && word.bytes().all(|b| b.is_ascii_hexdigit())
        && word.bytes().any(|b| b.is_ascii_digit())
        && word.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Whether a text looks drawn from `[A-Za-z0-9_-]` by chance: long, both cases, a digit, and more
/// than two changes of kind in five steps. A random one changes in about three of five steps, but
/// `My-Holiday-Photos-2024-Summer`, which a person can read, in fewer than two.
fn is_random(text: &str) -> bool {
    if text.len() < SHORTEST_ID {
        return false;
    }
    let (mut lower, mut upper, mut digit, mut changes) = (false, false, false, 0);
    let mut last = None;
    for byte in text.bytes() {
        let kind = match byte {
            b'a'..=b'z' => 0,
            b'A'..=b'Z' => 1,
            b'0'..=b'9' => 2,
            b'-' | b'_' => continue,
            _ => return false,
        };
        lower |= kind == 0;
        upper |= kind == 1;
        digit |= kind == 2;
        changes += usize::from(last.is_some_and(|k| k != kind));
        last = Some(kind);
    }
    lower && upper && digit && changes * 5 > text.len() * 2
}

/// Cuts a template that is too long after a whole segment, and says so with `{*}`.
fn shorten(mut text: String) -> String {
    const CUT: &str = "{*}";
    if text.len() <= TEMPLATE_BYTES {
        return text;
    }
    let head = text.get(..=TEMPLATE_BYTES - CUT.len()).unwrap_or("");
    let end = head.rfind('/').map_or(0, |slash| slash + 1).min(TEMPLATE_BYTES - CUT.len());
    text.truncate(end);
    text.push_str(CUT);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn masks_what_varies_and_keeps_what_carries_meaning() {
        for (path, want) in [
            ("/", "/"),
            ("", ""),
            ("/index.html", "/index.html"),
            ("/assets/app.65cdca72.js", "/assets/app.{hash}.js"),
            ("/assets/chunk-d962043784.css", "/assets/chunk-{hash}.css"),
            ("/jquery-3.6.1.min.js", "/jquery-{n}.min.js"),
            ("/lib/react@v18.2.0/index.js", "/lib/react@v{n}/index.js"),
            ("/products/90420", "/products/{n}"),
            ("/products/90420/", "/products/{n}/"),
            ("/public/gone-2.png", "/public/gone-{n}.png"),
            ("/private/29.pdf", "/private/{n}.pdf"),
            ("/api/v2/invoices/17", "/api/v2/invoices/{n}"),
            ("/api/v1/orders/123e4567-e89b-12d3-a456-426614174000", "/api/v1/orders/{uuid}"),
            ("/img/2024/01/880bfe1ac0a61d11.webp", "/img/{date}/{hash}.webp"),
            ("/log/2024/01/31/x", "/log/{date}/x"),
            ("/log/2024-01-31/x", "/log/{date}/x"),
            ("/backup-20240131.tar.gz", "/backup-{date}.tar.gz"),
            ("/order/20249931", "/order/{n}"),
            ("/archive/2024", "/archive/{n}"),
            ("/t/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "/t/{hash}"),
            ("/f/aB3-xY9_kL2mN8pQ4rS7", "/f/{hash}"),
            ("/My-Holiday-Photos-2024-Summer", "/My-Holiday-Photos-{n}-Summer"),
            ("/wp-login.php", "/wp-login.php"),
            ("/.env", "/.env"),
            ("/hero@2x.png", "/hero@2x.png"),
            ("/deadbeef", "/deadbeef"),
            ("/{n}/{x}/*", "/{n}/%7Bx%7D/%2A"),
            ("/a b/\u{e9}", "/a%20b/%C3%A9"),
            ("/100%/%2e%2E", "/{n}%25/%2E%2E"),
        ] {
            assert_eq!(template(path.as_bytes()), want, "{path}");
        }
    }

    #[test]
    fn a_long_path_is_cut_at_a_segment() {
        let long = format!("/media/{}/x", "y".repeat(400));
        assert_eq!(template(long.as_bytes()), "/media/{*}");
        let deep = "/ab".repeat(200);
        let cut = template(deep.as_bytes());
        assert!(cut.len() <= TEMPLATE_BYTES && cut.ends_with("/ab/{*}"), "{cut}");
        assert_eq!(template(&[b'z'; 5000]), "{*}");
    }

    fn check(path: &[u8]) {
        let once = template(path);
        assert!(once.len() <= TEMPLATE_BYTES);
        assert!(once.bytes().all(|b| (0x21..=0x7E).contains(&b)));
        assert_eq!(template(once.as_bytes()), once);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn any_bytes_have_a_template_that_is_its_own(path in prop::collection::vec(any::<u8>(), 0..600)) {
            check(&path);
        }

        #[test]
        fn pieces_of_urls_do_too(path in prop::collection::vec(
            prop::sample::select(vec![
                "/", ".", "-", "_", "%", "%2", "%41", "{n}", "{*}", "{", "}", "*", "v", "v1", "2024",
                "20240101", "2024-01-01", "01", "7", "3.6", "a1b2c3d4", "deadbeef", "AbC1", "app",
                "123e4567-e89b-12d3-a456-426614174000", "aB3-xY9_kL2mN8pQ4rS7", " ", "\u{e9}",
            ]), 0..120)) {
            check(path.concat().as_bytes());
        }
    }
}
