//! How CloudFront matches paths with the patterns of behaviours, and hosts with aliases.

/// Whether an alias covers a host. `*.example.com` covers every depth below `example.com`, unlike
/// a certificate, whose asterisk is one label. (AWS, "Requirements for alternate domain names".)
pub fn name_covers(alias: &str, host: &str) -> bool {
    let (alias, host) = (alias.to_ascii_lowercase(), host.to_ascii_lowercase());
    let host = host.strip_suffix('.').unwrap_or(&host);
    match alias.strip_prefix('*') {
        Some(parent) => host.len() > parent.len() && host.ends_with(parent),
        None => alias.strip_suffix('.').unwrap_or(&alias) == host,
    }
}

/// Whether a path pattern of CloudFront matches: `*` is any run, `?` one character, the leading
/// slash is optional, case counts. (AWS, "Path pattern".)
pub fn path_matches(pattern: &str, path: &[u8]) -> bool {
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    wildcard(pattern.as_bytes(), path)
}

/// `*` and `?`, in time linear in both for one asterisk and quadratic at worst.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += 1;
            }
            Some(wanted) if wanted == byte => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_cloudfront() {
        for (pattern, path, matches) in [
            ("/images/*.jpg", "/images/a/b.jpg", true),
            ("images/*.jpg", "/images/a.jpg", true),
            ("/images/*.jpg", "/Images/a.jpg", false),
            ("/a??.html", "/abc.html", true),
            ("/a??.html", "/ab.html", false),
            ("*.gif", "/x/y.gif", true),
            ("*", "/", true),
            ("/*/b/*/c", "/1/b/2/b/3/c", true),
            ("/a*", "/b/a", false),
        ] {
            assert_eq!(path_matches(pattern, path.as_bytes()), matches, "{pattern} {path}");
        }
    }

    #[test]
    fn a_leading_asterisk_covers_every_depth() {
        assert!(name_covers("*.example.com", "a.b.Example.com"));
        assert!(!name_covers("*.example.com", "example.com"));
        assert!(name_covers("WWW.example.com", "www.example.com."));
        assert!(!name_covers("example.com", "notexample.com"));
    }
}
