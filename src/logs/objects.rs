//! JSON objects one after another, with or without anything between them, as Firehose writes them.

/// Where the object ends with which a text begins; `None` if it does not end in it. Braces inside
/// strings do not count; whether it is JSON at all is for the parser to say.
pub fn end(text: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = 0;
    loop {
        at += memchr::memchr3(b'{', b'}', b'"', text.get(at..)?)?;
        match text.get(at)? {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => at = end_of_string(text, at + 1)?,
        }
        at += 1;
    }
}

/// The closing quote of the string that begins at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        match text.get(at)? {
            b'"' => return Some(at),
            _ => at += 2,
        }
    }
}

/// The length of what may stand between two objects.
pub fn gap(text: &[u8]) -> usize {
    let between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    text.iter().position(|byte| !between(byte)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_strings_do_not_count() {
        assert_eq!(end(br#"{"a":"}\"}{","b":{}}{"c":1}"#), Some(20));
        assert_eq!(end(br#"{"a":"}"#), None);
        assert_eq!(end(br#"{"a":"\"#), None);
        assert_eq!(gap(b" ,\n{"), 3);
    }
}
