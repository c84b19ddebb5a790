//! What the daemon tells over HTTP: `/metrics` (OpenMetrics), `/healthz`, `/readyz`, `/status` (JSON).
//!
//! A thread of its own, which reads the [`Board`] and nothing else. Nobody is asked who they are and nothing secret is
//! told. Whoever is slow or many harms only others of their kind (see `door.rs`): one request for each connection, of
//! 8 KiB and 5 s, 32 connections at once.

mod door;
mod exposition;
mod families;

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::runtime;
use tokio::sync::oneshot;

use super::status::{self, Board};
use door::Door;

/// OpenMetrics 1.0, section "Content Type".
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

const LINKS: &str = "<!doctype html><title>borderflow</title><p>Borderflow: <a href=\"/metrics\">metrics</a>, \
    <a href=\"/status\">status</a>, <a href=\"/healthz\">healthz</a>, <a href=\"/readyz\">readyz</a>\n";

/// The endpoint, as long as this lives.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    /// Dropped: the end.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has been told by the panic.
            let _ = thread.join();
        }
    }
}

/// Tells what stands on the board to whoever asks at `listener`, on a thread of its own, until the result is dropped.
///
/// # Errors
/// The system gives no thread, no descriptor, or the listener is none.
pub fn serve(listener: TcpListener, board: Board) -> io::Result<Served> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let door = {
        let _within = runtime.enter();
        Door::new(tokio::net::TcpListener::from_std(listener)?)
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = axum::serve(door, router(board, address.ip().is_loopback())) => {}
                _ = stopped => {}
            }
        });
    })?;
    Ok(Served { address, stop: Some(stop), thread: Some(thread) })
}

fn router(board: Board, is_local: bool) -> Router {
    let pages = Router::new()
        .route("/", get(|| async { answer(StatusCode::OK, HTML, LINKS.to_owned()) }))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/status", get(report))
        .fallback(|| async { answer(StatusCode::NOT_FOUND, TEXT, "no such page; / lists them\n".to_owned()) })
        .with_state(board);
    if is_local { pages.layer(middleware::from_fn(only_local_names)) } else { pages }
}

/// On loopback, a page in a browser of this machine must not read us under a name of its own that it has lead here (DNS
/// rebinding): whoever asks by a name asks for `localhost`.
async fn only_local_names(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_local_name(host) {
        return next.run(request).await;
    }
    answer(StatusCode::FORBIDDEN, TEXT, "ask by address or as localhost\n".to_owned())
}

/// Of `host` or `host:port`; an address is no name.
fn is_local_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(inside) => inside.split_once(']').map_or(inside, |(address, _)| address),
        None if host.parse::<Ipv6Addr>().is_ok() => host,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.is_empty() || name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

async fn metrics(State(board): State<Board>) -> Response {
    match exposition::text(&board.read(), board.age()) {
        Ok(text) => answer(StatusCode::OK, OPENMETRICS, text),
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
    }
}

async fn health(State(board): State<Board>) -> Response {
    verdict("healthy", &board.read().stuck(board.age()))
}

async fn readiness(State(board): State<Board>) -> Response {
    let (status, age) = (board.read(), board.age());
    let mut reasons = status.stuck(age);
    reasons.extend(status.unready());
    verdict("ready", &reasons)
}

async fn report(State(board): State<Board>) -> Response {
    let age_ms = u64::try_from(board.age().as_millis()).unwrap_or(u64::MAX);
    match serde_json::to_string(&status::Status { age_ms, ..(*board.read()).clone() }) {
        Ok(json) => answer(StatusCode::OK, JSON, json),
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
    }
}

fn verdict(good: &str, reasons: &[String]) -> Response {
    if reasons.is_empty() {
        return answer(StatusCode::OK, TEXT, format!("{good}\n"));
    }
    let lines: String = reasons.iter().map(|reason| format!("{reason}\n")).collect();
    answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, lines)
}

fn answer(code: StatusCode, content_type: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONNECTION, "close"),
    ];
    (code, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::is_local_name;

    #[test]
    fn on_loopback_only_addresses_and_localhost_are_answered() {
        for host in ["", "localhost", "LOCALHOST:9469", "127.0.0.1:9469", "[::1]:9469", "[::1]", "::1", "10.0.0.1"] {
            assert!(is_local_name(host), "{host}");
        }
        for host in ["evil.example", "evil.example:9469", "localhost.evil.example", "127.0.0.1.evil.example:80"] {
            assert!(!is_local_name(host), "{host}");
        }
    }
}
