//! The text of a set of templates: one line that is true of all of them.

/// The common form of templates: the only one as it is; else their common beginning up to a
/// delimiter, a star, and their common extension. As in CloudFront's own path patterns the star
/// stands for anything, slashes included, so `/*` is everywhere.
pub(super) fn common(templates: &[&str]) -> String {
    let Some((first, rest)) = templates.split_first() else {
        return "/*".to_owned();
    };
    let shared = rest.iter().fold(first.len(), |len, t| {
        let same = first.bytes().zip(t.bytes()).take_while(|(a, b)| a == b).count();
        len.min(same)
    });
    if templates.iter().all(|t| t.len() == shared) {
        return (*first).to_owned();
    }
    let head = head(first.get(..shared).unwrap_or(""));
    let tail = extension(first).filter(|e| rest.iter().all(|t| extension(t) == Some(e)));
    let head = if head.is_empty() { "/" } else { head };
    format!("{head}*{}", tail.unwrap_or(""))
}

/// The longest beginning that ends at a delimiter and cuts no placeholder and no escape in two.
fn head(shared: &str) -> &str {
    let mut depth = 0;
    let mut end = 0;
    for (i, byte) in shared.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'/' | b'-' | b'_' | b'.' if depth == 0 => end = i + 1,
            _ => {}
        }
    }
    shared.get(..end).unwrap_or("")
}

/// The extension with its dot.
fn extension(template: &str) -> Option<&str> {
    let name = template.rsplit('/').next()?;
    let dot = name.rfind('.').filter(|dot| *dot > 0)?;
    let extension = name.get(dot..)?;
    (extension.len() > 1 && extension.bytes().skip(1).all(|b| b.is_ascii_alphanumeric()))
        .then_some(extension)
}

#[cfg(test)]
mod tests {
    use super::common;

    #[test]
    fn one_line_is_true_of_all() {
        for (templates, want) in [
            (&["/static/{hash}.js"][..], "/static/{hash}.js"),
            (&["/static/{hash}.js", "/static/{hash}.css"], "/static/{hash}.*"),
            (&["/static/a.js", "/static/lib/b.js"], "/static/*.js"),
            (&["/public/gone-a.png", "/public/gone-b.png"], "/public/gone-*.png"),
            (&["/login", "/favicon.ico"], "/*"),
            (&["/api/v2/{n}", "/api/v2/{hash}"], "/api/v2/*"),
            (&["/admin", "/admin/users"], "/*"),
            (&["a", "b"], "/*"),
            (&["", "/x"], "/*"),
            (&[], "/*"),
        ] {
            assert_eq!(common(templates), want);
        }
    }
}
