//! Access logs of API Gateway, as JSON.
//!
//! A stage's owner chooses the keys; AWS's own examples use the names of the `$context` variables,
//! and so does nearly everybody, with or without dots, flat or in objects of their own.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html>

use jiff::Timestamp;
use memchr::memmem;
use serde_json::{Map, Value};

use super::{Decoded, OriginLine, OriginLog, Path, Said, Told};
use super::{bracketed_time, iso_time, status, token, within};
use crate::limits::ORIGIN_FIELDS;
use crate::logs::fault::FaultKind;
use crate::viewer::decode_once;

/// Whether a line is a record of such a log, under the names of AWS's examples.
pub(super) fn is_record(line: &[u8]) -> bool {
    let has = |key: &[u8]| memmem::find(line, key).is_some();
    line.starts_with(b"{")
        && (has(b"equestId\""))
        && (has(b"\"httpMethod\"") || has(b"\"routeKey\"") || has(b"\"resourcePath\""))
        && has(b"tatus\"")
}

/// Reads one record.
pub(super) fn read(line: &[u8]) -> Decoded {
    let record: Map<String, Value> = serde_json::from_slice(line).map_err(|_| {
        (FaultKind::BadJson, "no record of an API: `error.message` may hold quotes")
    })?;
    let fields = Fields::of(&record);
    let time = fields.time().ok_or((FaultKind::BadValue, "no time"))?;
    let Some(answered) = fields.get(&["status"]) else { return Ok(None) };
    let answered = status(answered.as_bytes()).ok_or((FaultKind::BadValue, "no status"))?;
    let route = fields.get(&["routekey"]).and_then(|route| route.split_once(' '));
    let method = fields.get(&["httpmethod"]).or(route.map(|(method, _)| method));
    let form = fields.get(&["resourcepath"]).or(route.map(|(_, form)| form));
    let path = match (fields.get(&["path"]), form) {
        (Some(path), _) => Path::meant(&decode_once(path.as_bytes())),
        (None, Some(form)) => Path::Template(form.as_bytes().into()),
        (None, None) => Path::Untold,
    };
    let host = fields.get(&["domainname"]).or_else(|| fields.get(&["apiid"]));
    let agent = fields.get(&["useragent", "identityuseragent"]);
    let line = OriginLine {
        to: time,
        from: time,
        method: method.and_then(|method| token(method.as_bytes())).unwrap_or("-").into(),
        host: host.unwrap_or_default().to_ascii_lowercase().into(),
        path,
        query: None,
        agent: agent.map(|agent| agent.as_bytes().into()),
        said: if answered == 403 {
            fields.refusal()
        } else {
            Said::Answered(OriginLog::Api, answered)
        },
    };
    // A client can choose the other request id, but not this one.
    let id = fields.get(&["extendedrequestid"]).filter(|id| id.len() <= crate::limits::TOKEN_BYTES);
    Ok(Some(Told { line, ids: id.into_iter().map(Into::into).collect() }))
}

/// The pairs of a record, their keys without case and dots, those in an object behind its name.
struct Fields<'a>(Vec<(String, &'a Value)>);

impl<'a> Fields<'a> {
    fn of(record: &'a Map<String, Value>) -> Self {
        let plain = |key: &str| -> String {
            let letters = key.bytes().filter(u8::is_ascii_alphanumeric);
            let letters = letters.map(|byte| char::from(byte.to_ascii_lowercase()));
            let name: String = letters.take(64).collect();
            name.strip_prefix("context").map(str::to_owned).unwrap_or(name)
        };
        let mut fields = Vec::new();
        for (key, value) in record {
            let outer = plain(key);
            match value {
                Value::Object(inner) => {
                    for (key, value) in inner {
                        let key = plain(key);
                        fields.push((format!("{outer}{key}"), value));
                        // Under a heading of the owner's own the names are the whole ones.
                        if !matches!(outer.as_str(), "integration" | "authorizer" | "waf" | "error")
                            || key.starts_with(&outer)
                        {
                            fields.push((key, value));
                        }
                    }
                }
                _ => fields.push((outer, value)),
            }
            if fields.len() > ORIGIN_FIELDS {
                break;
            }
        }
        Self(fields)
    }

    /// The value of the first of these names that is set.
    fn get(&self, names: &[&str]) -> Option<&'a str> {
        let named = self.0.iter().filter(|(key, _)| names.contains(&key.as_str()));
        let mut values = named.filter_map(|(_, value)| value.as_str());
        values.find(|text| !matches!(*text, "" | "-"))
    }

    fn time(&self) -> Option<Timestamp> {
        let epoch = self.get(&["requesttimeepoch"]).and_then(|text| text.parse::<i64>().ok());
        // HTTP APIs count seconds, REST APIs milliseconds.
        let epoch = epoch.and_then(|number| match number {
            ..100_000_000_000 => Timestamp::from_second(number).ok(),
            _ => Timestamp::from_millisecond(number).ok(),
        });
        let text = || self.get(&["requesttime"]).map(str::as_bytes);
        epoch.and_then(within).or_else(|| bracketed_time(text()?)).or_else(|| iso_time(text()?))
    }

    /// Who at the API said no.
    fn refusal(&self) -> Said {
        let kind = self.get(&["errorresponsetype", "responsetype"]);
        let waf = self.get(&["wafresponsecode"]);
        if waf == Some("WAF_BLOCK") || kind == Some("WAF_FILTERED") {
            return Said::ApiWaf;
        }
        match kind.and_then(|kind| token(kind.as_bytes())) {
            Some("MISSING_AUTHENTICATION_TOKEN") => return Said::ApiNoRoute,
            // The type of everything that has none of its own.
            Some("DEFAULT_4XX") | None => {}
            Some(kind) => return Said::ApiRefused(kind.into()),
        }
        match self.get(&["integrationstatus"]) {
            Some("403") => Said::Integration,
            _ => Said::Api,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(more: &str) -> Told {
        let text = format!(
            r#"{{"requestId":"a","extendedRequestId":"Zk=","ip":"130.176.0.1","requestTime":"09/May/2025:10:00:01 +0000","httpMethod":"GET","resourcePath":"/v1/{{id}}","status":"403"{more}}}"#
        );
        assert!(is_record(text.as_bytes()));
        read(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn who_said_no() {
        for (more, said) in [
            ("", Said::Api),
            (r#","wafResponseCode":"WAF_BLOCK""#, Said::ApiWaf),
            (r#","error.responseType":"WAF_FILTERED""#, Said::ApiWaf),
            (r#","errorResponseType":"MISSING_AUTHENTICATION_TOKEN""#, Said::ApiNoRoute),
            (
                r#","error":{"responseType":"INVALID_API_KEY"}"#,
                Said::ApiRefused("INVALID_API_KEY".into()),
            ),
            (r#","integration":{"status":"403"}"#, Said::Integration),
            (r#","integrationStatus":"200","responseType":"-""#, Said::Api),
        ] {
            assert_eq!(read_one(more).line.said, said, "{more}");
        }
    }

    #[test]
    fn ids_paths_and_times() {
        let told = read_one("");
        assert_eq!(told.ids, [Box::from("Zk=")]);
        assert_eq!(told.line.path, Path::Template(b"/v1/{id}".as_slice().into()));
        assert_eq!(told.line.to.to_string(), "2025-05-09T10:00:01Z");
        let told = read_one(r#","path":"/prod/v1/a%20b","requestTimeEpoch":"1746784801250""#);
        assert_eq!(told.line.path, Path::meant(b"/prod/v1/a b"));
        assert_eq!(told.line.to.to_string(), "2025-05-09T10:00:01.25Z");
    }

    #[test]
    fn a_route_of_an_http_api() {
        let text = br#"{"requestId":"a=","ip":"1.2.3.4","requestTime":"09/May/2025:10:00:01 +0000","httpMethod":"-","routeKey":"GET /pets/{id}","status":"403","protocol":"HTTP/1.1","responseLength":"23"}"#;
        let told = read(text).unwrap().unwrap();
        assert_eq!(told.line.method.as_ref(), "GET");
        assert_eq!(told.line.path, Path::Template(b"/pets/{id}".as_slice().into()));
        // The inner quotes of a raw error message.
        assert!(read(br#"{"requestId":"a","error.message":""x"","status":"403"}"#).is_err());
    }
}
