//! Outputs against real peers, each started by its test on loopback: rsyslog, syslog-ng, nats-server, librdkafka's mock
//! brokers, and a small HTTP server that behaves as the documented API of Splunk and Elasticsearch does on a bad day.
//!
//! `packaging/peers.sh` fetches the servers into `target/peers`; what is neither there nor on PATH is skipped with a
//! message. Every test says how many records arrived, how many of them twice, and that the order was kept.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test says where it fails")]
#![expect(clippy::print_stdout, reason = "a test says what it counted, and what it skipped")]
#![expect(clippy::disallowed_methods, reason = "a test gives up on a peer after a while")]

#[path = "outputs/elasticsearch.rs"]
mod elasticsearch;
#[path = "outputs/file.rs"]
mod file;
#[cfg(feature = "kafka")]
#[path = "outputs/kafka.rs"]
mod kafka;
#[path = "outputs/kit.rs"]
mod kit;
#[path = "outputs/nats.rs"]
mod nats;
#[path = "outputs/peers.rs"]
mod peers;
#[path = "outputs/probe.rs"]
mod probe;
#[path = "outputs/server.rs"]
mod server;
#[path = "outputs/splunk.rs"]
mod splunk;
#[path = "outputs/syslog.rs"]
mod syslog;
#[path = "outputs/syslog_ng.rs"]
mod syslog_ng;
#[path = "outputs/tls.rs"]
mod tls;
#[path = "outputs/unix.rs"]
mod unix;
#[path = "outputs/webhook.rs"]
mod webhook;
