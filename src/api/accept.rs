//! Which of several representations a client prefers.

use axum::http::{HeaderMap, header};

/// True when `Accept` names `text/html` explicitly and prefers it to JSON. `*/*` alone means JSON.
pub(super) fn prefers_html(headers: &HeaderMap) -> bool {
    prefers(headers, &["text/html", "application/xhtml+xml"])
}

/// True when `Accept` names one of `types` explicitly and prefers it to JSON.
pub(super) fn prefers(headers: &HeaderMap, types: &[&str]) -> bool {
    let (mut wanted, mut json): (f32, f32) = (0.0, 0.0);
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|p| p.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0);
            if types.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                wanted = wanted.max(weight);
            } else if ["application/json", "application/geo+json"].contains(&name) {
                json = json.max(weight);
            }
        }
    }
    wanted > json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_explicit_wish_is_html() {
        let prefers = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().expect("a value"));
            prefers_html(&headers)
        };
        assert!(prefers("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!prefers("*/*"));
        assert!(!prefers("application/json, text/html;q=0.5"));
        assert!(!prefers("application/json, text/html"));
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
