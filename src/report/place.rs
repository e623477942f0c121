//! Where a cluster strikes, in words.

use super::ClusterOut;
use crate::clusters::city;

/// Values that are written out; more are counted.
const WRITTEN: usize = 4;

/// `POST /login from VN`, `/static/{hash}.js everywhere`, `everything`.
pub fn words(cluster: &ClusterOut) -> String {
    let about = |name: &str| cluster.about.contains(&name);
    let mut text = String::new();
    if about("methods") {
        text.push_str(&few(&cluster.methods, str::to_owned));
        text.push(' ');
    }
    text.push_str(match cluster.path.as_str() {
        "/*" if cluster.everything => "all paths",
        // The template of paths that have nothing in common; others were served all the while.
        "/*" => "various paths",
        path => path,
    });
    if about("hosts") {
        text.push_str(&format!(" of {}", few(&cluster.hosts, str::to_owned)));
    }
    if about("edges") {
        let edge = |code: &str| match city(code) {
            Some(city) => format!("{code} ({city})"),
            None => code.to_owned(),
        };
        text.push_str(&format!(" at {} only", few(&cluster.edges, edge)));
    }
    if about("countries") {
        text.push_str(&format!(" from {}", few(&cluster.countries, str::to_owned)));
    }
    text
}

fn few(values: &[String], show: impl Fn(&str) -> String) -> String {
    let mut shown: Vec<String> = values.iter().take(WRITTEN).map(|value| show(value)).collect();
    if values.len() > WRITTEN {
        shown.push(format!("{} more", values.len() - WRITTEN));
    }
    match shown.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
