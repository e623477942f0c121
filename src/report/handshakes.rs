//! Handshakes that failed: no 403, and the answer to "our partner cannot connect".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::examples::network;
use super::text::{BOLD, item, moment, several, wrap};
use crate::logs::connection::{Handshake, Handshakes};
use crate::viewer::{Viewer, plain};

/// Clients and certificates that are shown of one kind of failure.
const SHOWN: usize = 5;

/// Failed handshakes of one distribution and code.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
#[schemars(deny_unknown_fields)]
pub struct HandshakesOut {
    /// The distribution.
    pub distribution_id: Option<String>,
    /// What CloudFront says behind `Failed:`.
    pub code: String,
    /// How many.
    pub handshakes: u64,
    /// Whether there were more, which are not counted.
    pub at_least: bool,
    /// The first.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub first_seen: Timestamp,
    /// The last.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub last_seen: Timestamp,
    /// What the code means.
    pub means: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Who came, the most frequent first.
    pub clients: Vec<ClientOut>,
}

/// Handshakes of one certificate.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(deny_unknown_fields)]
pub struct ClientOut {
    /// How many.
    pub handshakes: u64,
    /// Whose certificate it was, where one came.
    pub subject: Option<String>,
    /// Who signed it.
    pub issuer: Option<String>,
    /// From when to when it is valid.
    pub validity: Option<String>,
    /// The names that were asked for.
    pub server_names: Vec<String>,
    /// The networks that they came from.
    pub networks: Vec<String>,
}

/// What each code means and what to do, by CloudFront's documentation of connection logs.
const CODES: [(&str, &str, &str); 18] = [
    (
        "ClientCertMissing",
        "the client sent no certificate, and the distribution requires one",
        "Give the client a certificate, or make it send the one that it has; `openssl s_client -cert` tries it.",
    ),
    (
        "ClientCertExpired",
        "the client's certificate has expired",
        "Have the client's certificate renewed.",
    ),
    (
        "ClientCertNotYetValid",
        "the client's certificate is not valid yet",
        "Look at the certificate's first day; it was used too early.",
    ),
    (
        "ClientCertUntrusted",
        "no authority in the trust store signed the client's certificate",
        "Compare the issuer with the authorities of the trust store (aws cloudfront get-trust-store); add it only if you know it, or have the client send its intermediate certificates.",
    ),
    (
        "ClientCertRejected",
        "the client's certificate was rejected",
        "Ask the client for the certificate and compare it with what the trust store asks for.",
    ),
    (
        "ClientCertInvalid",
        "the client's certificate is not well-formed or its signature does not fit",
        "Have the certificate issued again.",
    ),
    (
        "ClientCertIntentInvalid",
        "the client's certificate is not meant for authenticating clients",
        "Have it issued with the extended key usage clientAuth.",
    ),
    (
        "ClientCertTypeUnsupported",
        "CloudFront does not support the kind of key or signature of the client's certificate",
        "Have it issued with RSA or ECDSA as CloudFront's documentation lists.",
    ),
    (
        "ClientCertMaxChainDepthExceeded",
        "the client's chain of certificates is longer than CloudFront allows",
        "Have the client send a shorter chain.",
    ),
    (
        "ClientCertMaxSizeExceeded",
        "the client's certificates are larger than CloudFront allows",
        "Have the client send fewer or smaller certificates.",
    ),
    (
        "ClientCertOcspDenied",
        "the authority says that the client's certificate was revoked",
        "If that is a mistake, its authority has to say so; else the client needs another one.",
    ),
    (
        "ClientCertOcspProcessingError",
        "whether the client's certificate was revoked could not be asked",
        "Look at the OCSP responder that the certificate names.",
    ),
    (
        "ConnectionFunctionDenied",
        "the connection function denied it",
        "Read the connection function; its own log tells why, where it writes one.",
    ),
    (
        "ConnectionFunctionError",
        "the connection function failed",
        "Read the connection function's log, and test it with such a connection.",
    ),
    (
        "TcpError",
        "the connection broke off during the handshake",
        "Nothing at the distribution refused it: look at the client and at what lies between.",
    ),
    (
        "TcpTimeout",
        "the client did not go on with the handshake",
        "Nothing at the distribution refused it: look at the client and at what lies between.",
    ),
    (
        "Internal",
        "CloudFront itself failed",
        "If it stays, open a case with AWS and name the connections.",
    ),
    (
        "UnmappedConnectionError",
        "CloudFront does not say what was wrong",
        "If it stays, open a case with AWS and name the connections.",
    ),
];

/// Failed handshakes by distribution and code, the most frequent first.
pub fn of(handshakes: &Handshakes) -> Vec<HandshakesOut> {
    let mut all: BTreeMap<(Option<&str>, &str), Vec<&Handshake>> = BTreeMap::new();
    for one in handshakes.failed() {
        all.entry((one.distribution_id.as_deref(), &one.code)).or_default().push(one);
    }
    let mut out: Vec<HandshakesOut> = all
        .into_iter()
        .filter_map(|((distribution, code), failed)| {
            let known = CODES.iter().find(|(known, ..)| *known == code);
            let (_, means, remedy) = known.copied().unwrap_or((
                "",
                "a code that is not known here",
                "Look it up in CloudFront's documentation of connection logs.",
            ));
            Some(HandshakesOut {
                distribution_id: distribution.map(str::to_owned),
                code: code.to_owned(),
                handshakes: failed.len() as u64,
                at_least: handshakes.is_partial,
                first_seen: failed.iter().map(|one| one.time).min()?,
                last_seen: failed.iter().map(|one| one.time).max()?,
                means,
                remedy,
                clients: clients(&failed),
            })
        })
        .collect();
    out.sort_by(|a, b| b.handshakes.cmp(&a.handshakes).then_with(|| a.code.cmp(&b.code)));
    out
}

fn clients(failed: &[&Handshake]) -> Vec<ClientOut> {
    // A name of X.500 has spaces, which are none of an address.
    let words = |value: &Option<Viewer>| {
        value.as_ref().map(|value| plain(&String::from_utf8_lossy(value.logged())))
    };
    let mut all: BTreeMap<_, (u64, BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for one in failed {
        let whose = (words(&one.subject), words(&one.issuer), words(&one.validity));
        let (count, names, networks) = all.entry(whose).or_default();
        *count += 1;
        names.extend(one.server_name.as_ref().map(Viewer::shown));
        networks.extend(one.client.map(network));
    }
    let some = |words: BTreeSet<String>| words.into_iter().take(SHOWN).collect();
    let mut clients: Vec<ClientOut> = all
        .into_iter()
        .map(|((subject, issuer, validity), (handshakes, names, networks))| ClientOut {
            handshakes,
            subject,
            issuer,
            validity,
            server_names: some(names),
            networks: some(networks),
        })
        .collect();
    clients.sort_by_key(|client| std::cmp::Reverse(client.handshakes));
    clients.truncate(SHOWN);
    clients
}

/// One client in words.
pub(super) fn client(one: &ClientOut) -> String {
    let whose = match (&one.subject, &one.issuer) {
        (Some(subject), Some(issuer)) => format!("certificate of {subject}, issued by {issuer}"),
        (Some(subject), None) => format!("certificate of {subject}"),
        _ => "no certificate logged".to_owned(),
    };
    let valid = one.validity.as_deref().map_or(String::new(), |logged| match days(logged) {
        Some((from, to)) => format!(", valid from {from} to {to}"),
        None => format!(", {logged}"),
    });
    let to = match one.server_names.as_slice() {
        [] => String::new(),
        names => format!(", to {}", names.join(", ")),
    };
    let from = match one.networks.as_slice() {
        [] => String::new(),
        networks => format!(", from {}", networks.join(", ")),
    };
    format!("{}x  {whose}{valid}{to}{from}", one.handshakes)
}

/// The two moments of `NotBefore=…;NotAfter=…`.
fn days(validity: &str) -> Option<(&str, &str)> {
    let (from, to) = validity.split_once(';')?;
    Some((from.strip_prefix("NotBefore=")?, to.strip_prefix("NotAfter=")?))
}

/// What failed, in words.
pub(super) fn title(one: &HandshakesOut) -> String {
    let on = one.distribution_id.as_ref().map_or(String::new(), |id| format!(" on {id}"));
    let least = if one.at_least { "at least " } else { "" };
    let code = if one.code.is_empty() { "no code" } else { &one.code };
    format!("{code}: {least}{} failed{on}", several(one.handshakes, "handshake"))
}

pub(super) fn write(out: &mut String, all: &[HandshakesOut]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    let said = "Not among the 403s: connections that never became a request, because the TLS \
                handshake failed.";
    writeln!(out, "\n{BOLD}{}{BOLD:#}", wrap(said, 0))?;
    for one in all {
        writeln!(out, "\n{}", wrap(&title(one), 2))?;
        item(out, "means", one.means)?;
        let since = format!("{} to {} UTC", moment(one.first_seen), moment(one.last_seen));
        item(out, "when", &since)?;
        for (number, one) in one.clients.iter().enumerate() {
            item(out, if number == 0 { "who" } else { "" }, &client(one))?;
        }
        item(out, "do", one.remedy)?;
    }
    Ok(())
}
