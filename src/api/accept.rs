//! Which of two representations a client prefers.

use axum::http::{HeaderMap, header};

/// True when `Accept` names `text/html` explicitly and prefers it to JSON. `*/*` alone means JSON.
pub(super) fn prefers_html(headers: &HeaderMap) -> bool {
    let mut html = 0.0;
    let mut json: f32 = 0.0;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|p| p.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0);
            match name {
                "text/html" | "application/xhtml+xml" => html = weight,
                "application/json" | "application/geo+json" => json = json.max(weight),
                _ => {}
            }
        }
    }
    html > json
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
