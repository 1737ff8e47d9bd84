//! Where can the counters be read?
//!
//! At `GET /metrics`, in the text form of Prometheus. One question at a time, and none waits for long:
//! this port is for a machine that asks every few seconds.

use super::log::Log;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use requiretls_core::log_line::Severity;
use requiretls_transport::lmtp::Counters;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Answers from now on, until the program ends.
pub(super) fn serve(address: SocketAddr, counters: Arc<Counters>, log: &Log) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Shown(counters)));
    let log = log.clone();
    std::thread::Builder::new().spawn(move || {
        for client in listener.incoming() {
            if let Err(error) = client.and_then(|client| answer(client, &registry)) {
                log.line(Severity::Debug, &format!("metrics: {error}"));
            }
        }
    })?;
    Ok(())
}

/// The counters of a server, each with its name.
#[derive(Debug)]
struct Shown(Arc<Counters>);

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counted = self.0.read();
        for (name, help, count) in [
            (
                "connections",
                "Connections that were taken",
                counted.connections,
            ),
            (
                "connections_refused",
                "Connections that were turned away",
                counted.refused,
            ),
            ("messages", "Messages that came whole", counted.messages),
            ("octets", "Octets of these messages", counted.octets),
            (
                "recipients_delivered",
                "Recipients that a next hop took the message for",
                counted.delivered,
            ),
            (
                "recipients_deferred",
                "Recipients that were answered 4yz",
                counted.deferred,
            ),
            (
                "recipients_bounced",
                "Recipients that were answered 5yz",
                counted.bounced,
            ),
        ] {
            let shown = ConstCounter::new(count);
            let name = format!("requiretls_lmtp_{name}");
            let own = encoder.encode_descriptor(&name, help, None, shown.metric_type())?;
            shown.encode(own)?;
        }
        let open = ConstGauge::new(i64::try_from(counted.open).unwrap_or(i64::MAX));
        let name = "requiretls_lmtp_connections_open";
        let help = "Connections that are open";
        let own = encoder.encode_descriptor(name, help, None, open.metric_type())?;
        open.encode(own)
    }
}

fn answer(mut client: TcpStream, registry: &Registry) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let (status, body) = match path(&mut client)?.as_deref() {
        Some("/metrics") => {
            let mut body = String::new();
            text::encode(&mut body, registry).map_err(io::Error::other)?;
            ("200 OK", body)
        }
        Some(_) => ("404 Not Found", String::new()),
        None => ("400 Bad Request", String::new()),
    };
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What is asked for; `None`: nothing that can be read.
fn path(client: &mut TcpStream) -> io::Result<Option<String>> {
    let (mut head, mut block) = (Vec::new(), [0; 1_024]);
    while head.len() < MAX_HEAD {
        let read = client.read(&mut block)?;
        head.extend_from_slice(block.get(..read).unwrap_or_default());
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) if request.method == Some("GET") => {
                return Ok(request.path.map(str::to_owned));
            }
            Ok(httparse::Status::Partial) if read > 0 => {}
            _ => return Ok(None),
        }
    }
    Ok(None)
}

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const MAX_HEAD: usize = 8_192;
const PATIENCE: Duration = Duration::from_secs(2);
