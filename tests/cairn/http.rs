//! Requests as a plain client sends them: no compression, no cookies, errors are answers.

use serde_json::Value;
use ureq::{Agent, Body, http::HeaderMap, http::Response};

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value, empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into()
}

fn whole(answer: Result<Response<Body>, ureq::Error>) -> Answer {
    let (parts, mut body) = answer.unwrap().into_parts();
    let body = body.with_config().limit(u64::MAX).read_to_vec().unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

pub(crate) fn get(url: &str) -> Answer {
    get_with(url, &[])
}

pub(crate) fn get_with(url: &str, headers: &[(&str, &str)]) -> Answer {
    let request =
        headers.iter().fold(agent().get(url), |request, (name, value)| request.header(*name, *value));
    whole(request.call())
}

pub(crate) fn post(url: &str, body: &Value) -> Answer {
    post_text(url, &body.to_string())
}

pub(crate) fn post_text(url: &str, body: &str) -> Answer {
    whole(agent().post(url).content_type("application/json").send(body))
}

pub(crate) fn delete(url: &str) -> Answer {
    whole(agent().delete(url).call())
}

/// Any request with a body.
pub(crate) fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let config =
        agent().configure_request(request.body(body.to_vec()).unwrap()).allow_non_standard_methods(true);
    whole(agent().run(config.build()))
}

/// An `OPTIONS` or other request without a body.
pub(crate) fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    whole(agent().run(request.body(()).unwrap()))
}
