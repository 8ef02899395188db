use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

/// The header job of the benchmark, as the crate's documentation would have one write it.
pub struct HeaderJob;

impl Context for HeaderJob {}

impl HttpContext for HeaderJob {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let path = self.get_http_request_header(":path");
        let user = self.get_http_request_header("x-user");
        let _authorization = self.get_http_request_header("authorization");
        if path.map_or(false, |path| path.starts_with("/api/")) {
            let beta = user.map_or(false, |user| user.ends_with("-beta"));
            self.set_http_request_header("x-route", Some(if beta { "canary" } else { "stable" }));
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.add_http_response_header("x-filter", "1");
        Action::Continue
    }
}
