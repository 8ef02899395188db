use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MetricType};
use std::time::Duration;

/// What a stream does with bodies, callouts, shared data, metrics and properties.
pub struct Areas {
    pub requests: u32,
}

pub fn define_counter(name: &str) -> u32 {
    hostcalls::define_metric(MetricType::Counter, name).unwrap_or(0)
}

impl Areas {
    /// Adds one under `count` and returns the new value.
    fn count(&self) -> u32 {
        loop {
            let (value, cas) = self.get_shared_data("count");
            let next = value.map_or(0, |bytes| String::from_utf8_lossy(&bytes).parse().unwrap_or(0)) + 1;
            if self.set_shared_data("count", Some(next.to_string().as_bytes()), cas).is_ok() {
                return next;
            }
        }
    }
}

impl Context for Areas {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        let status = self.get_http_call_response_header(":status").unwrap_or_default();
        let body = self.get_http_call_response_body(0, body_size).unwrap_or_default();
        self.set_http_request_header("x-callout-status", Some(&status));
        self.set_http_request_header("x-callout-body", Some(&String::from_utf8_lossy(&body)));
        self.resume_http_request();
    }
}

impl HttpContext for Areas {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        hostcalls::increment_metric(self.requests, 1).ok();
        self.set_http_request_header("x-count", Some(&self.count().to_string()));
        let plugin = self.get_property(vec!["plugin_name"]).unwrap_or_default();
        self.set_http_request_header("x-plugin", Some(&String::from_utf8_lossy(&plugin)));
        let ticked = self.get_shared_data("ticks").0.is_some();
        self.set_http_request_header("x-ticked", Some(if ticked { "yes" } else { "no" }));
        if self.get_http_request_header("x-deny").is_some() {
            self.send_http_response(403, vec![("x-denied", "foreign")], Some(b"denied\n"));
            return Action::Pause;
        }
        if self.get_http_request_header("x-callout").is_none() {
            return Action::Continue;
        }
        let headers = vec![(":method", "GET"), (":path", "/check"), (":authority", "callout")];
        match self.dispatch_http_call("callout", headers, None, vec![], Duration::from_secs(5)) {
            Ok(_) => Action::Pause,
            Err(_) => Action::Continue,
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        self.set_http_request_body(0, size, &body.to_ascii_uppercase());
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.add_http_response_header("x-filter", "foreign");
        Action::Continue
    }

    fn on_log(&mut self) {
        log::info!("foreign: a stream ended");
    }
}
