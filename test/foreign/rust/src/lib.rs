//! A filter on the `proxy-wasm` crate: the header job by default, and with the configuration `areas` more of the ABI (see ../README.md).

mod areas;
mod header_job;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root { areas: false, ticks: 0, requests: 0 }));
}}

struct Root {
    areas: bool,
    ticks: u32,
    requests: u32,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        match self.get_plugin_configuration() {
            None => true,
            Some(bytes) if bytes.is_empty() => true,
            Some(bytes) if bytes == b"areas" => {
                self.areas = true;
                self.requests = areas::define_counter("foreign.requests");
                self.set_tick_period(Duration::from_millis(20));
                true
            }
            Some(_) => {
                log::error!("the configuration is neither empty nor \"areas\"");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        self.set_shared_data("ticks", Some(self.ticks.to_string().as_bytes()), None).ok();
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        if self.areas {
            Some(Box::new(areas::Areas { requests: self.requests }))
        } else {
            Some(Box::new(header_job::HeaderJob))
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
