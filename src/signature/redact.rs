//! Shows a query without what gives access.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// What stands in place of a secret.
pub const REDACTED: &str = "REDACTED";

/// How often a name or value is decoded to see what it says: once for the log's encoding, once for
/// the viewer's, and twice for URLs within URLs. What is still encoded then is taken for a secret.
const LAYERS: usize = 4;

/// Names of secrets, in lower case and without punctuation.
const NAMES: [&str; 33] = [
    "auth",
    "authkey",
    "authorization",
    "awsaccesskeyid",
    "bearer",
    "cloudfrontpolicy",
    "code",
    "codeverifier",
    "cookie",
    "csrf",
    "googleaccessid",
    "hdnea",
    "hdnts",
    "hmac",
    "key",
    "nonce",
    "otp",
    "pass",
    "passcode",
    "phpsessid",
    "pin",
    "policy",
    "psw",
    "pw",
    "pwd",
    "samlart",
    "samlrequest",
    "samlresponse",
    "sas",
    "sid",
    "sig",
    "state",
    "ticket",
];

/// A name that contains one of these is that of a secret.
const PIECES: [&str; 15] = [
    "accesskey",
    "apikey",
    "assertion",
    "credential",
    "jsession",
    "jwt",
    "oauth",
    "passphrase",
    "password",
    "passwd",
    "privatekey",
    "secret",
    "session",
    "signature",
    "token",
];

/// The query with every secret replaced by [`REDACTED`], in printable ASCII. It may be in the log's
/// encoding or the viewer's. A value goes as a whole if its name is that of a secret, if it carries
/// such a name itself (a URL within the URL), or if it has JSON in base64, such as a JSON web
/// token. The id of the key stays: it is not a secret.
pub fn redact(query: &[u8]) -> String {
    let mut shown = String::with_capacity(query.len());
    for (position, pair) in query.split(|byte| *byte == b'&').enumerate() {
        if position > 0 {
            shown.push('&');
        }
        match memchr::memchr(b'=', pair).and_then(|at| pair.split_at_checked(at)) {
            Some((name, value)) => {
                // An encoded `=` or `&` hides a secret in what looks like a name.
                let name_tells = tells_secret(name);
                show(&mut shown, if name_tells { REDACTED.as_bytes() } else { name });
                shown.push('=');
                let value = value.get(1..).unwrap_or_default();
                let secret = name_tells || is_secret_name(name) || tells_secret(value);
                let shown_value =
                    if secret && !value.is_empty() { REDACTED.as_bytes() } else { value };
                show(&mut shown, shown_value);
            }
            None if tells_secret(pair) => shown.push_str(REDACTED),
            None => show(&mut shown, pair),
        }
    }
    shown
}

/// Whether a text carries a secret of its own: a pair with the name of one, encoded JSON, or a
/// password before the host of a URL.
pub fn tells_secret(text: &[u8]) -> bool {
    let Some(plain) = plain(text) else {
        return true;
    };
    let separates = |byte: &u8| byte.is_ascii_whitespace() || b"?&;#,/+|".contains(byte);
    plain.split(separates).any(|piece| {
        let mut words = piece.rsplit(|byte| matches!(byte, b'=' | b':'));
        let value = words.next().unwrap_or_default();
        let user_and_password = words.clone().next().is_some() && value.contains(&b'@');
        user_and_password || words.any(is_secret_word) || has_encoded_json(piece)
    })
}

/// Whether a parameter of this name is a secret as a rule.
pub fn is_secret_name(name: &[u8]) -> bool {
    plain(name).is_none_or(|name| is_secret_word(&name))
}

/// Form libraries write `user[code]` and `user.code` for the field `code` of `user`.
fn is_secret_word(name: &[u8]) -> bool {
    name.split(|byte| matches!(byte, b'[' | b'.')).any(|field| {
        let word: String = field
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect();
        NAMES.binary_search(&word.as_str()).is_ok()
            || PIECES.iter().any(|piece| word.contains(piece))
    })
}

/// How many characters of base64 are taken for a token and not for a word.
const TOKEN_BYTES: usize = 16;

/// Base64 of `{"` is how the header of every JSON web token begins, and every policy.
fn has_encoded_json(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"eyJ").is_some_and(|at| text.len() - at >= TOKEN_BYTES)
}

/// The text without any percent-encoding; `None` if it is still encoded after [`LAYERS`].
fn plain(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut plain = Cow::Borrowed(text);
    for _ in 0..LAYERS {
        let next = match Cow::<[u8]>::from(percent_decode(&plain)) {
            Cow::Borrowed(_) => return Some(plain),
            Cow::Owned(next) => next,
        };
        plain = Cow::Owned(next);
    }
    matches!(Cow::<[u8]>::from(percent_decode(&plain)), Cow::Borrowed(_)).then_some(plain)
}

fn show(shown: &mut String, text: &[u8]) {
    for byte in text {
        if byte.is_ascii_graphic() {
            shown.push(char::from(*byte));
        } else {
            shown.push_str(percent_encoding::percent_encode_byte(*byte));
        }
    }
}
