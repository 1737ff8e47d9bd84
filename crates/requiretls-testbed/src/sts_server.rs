//! What does a policy host serve?
//!
//! One HTTPS listener for all policy hosts (RFC 8461 section 3.3): the certificate by the server
//! name that is asked for, the page by the Host field. A page may change while the world runs.

use crate::fault::locked;
use crate::listener::{Listener, pause};
use crate::pki::{Certificate, Pki};
use crate::stop::Stop;
use crate::tls::{self, Shown};
use rustls::server::ServerConfig;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What one policy host serves, and the TXT record beside it.
#[derive(Clone, Debug)]
pub struct Sts {
    pub(crate) txt: Vec<String>,
    mode: &'static str,
    mx: Vec<String>,
    max_age: u64,
    body: Option<Vec<u8>>,
    padded_to: usize,
    status: u16,
    content_type: String,
    certificate: Certificate,
    delay: Duration,
    octet_gap: Duration,
    cut: bool,
}

/// All policy hosts; dropping it ends them.
#[derive(Debug)]
pub struct StsServer {
    listener: Listener,
    site: Arc<Site>,
    pki: Arc<Pki>,
}

/// A request that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The server name that was asked for in the handshake.
    pub sni: Option<String>,
    /// The Host field.
    pub host: String,
    /// The path.
    pub path: String,
    /// The whole head of the request.
    pub head: String,
    /// When it was there.
    pub at: Instant,
}

/// Where a policy is (RFC 8461 section 3.2).
pub const PATH: &str = "/.well-known/mta-sts.txt";

/// Where a redirection leads to: on the same host, and the policy is there.
pub const REDIRECTED_PATH: &str = "/moved/mta-sts.txt";

/// One octet more than a policy may have (VP14).
pub const TOO_LONG: usize = 64 * 1024 + 1;

impl Sts {
    /// Mode enforce, for a week; the hosts are the domain's own unless [`Sts::mx`] names some.
    #[must_use]
    pub fn enforce() -> Self {
        Self {
            txt: vec!["v=STSv1; id=1;".to_owned()],
            mode: "enforce",
            mx: Vec::new(),
            max_age: 604_800,
            body: None,
            padded_to: 0,
            status: 200,
            content_type: "text/plain".to_owned(),
            certificate: Certificate::Good,
            delay: Duration::ZERO,
            octet_gap: Duration::ZERO,
            cut: false,
        }
    }

    /// Mode testing.
    #[must_use]
    pub fn testing() -> Self {
        Self {
            mode: "testing",
            ..Self::enforce()
        }
    }

    /// Mode none.
    #[must_use]
    pub fn none() -> Self {
        Self {
            mode: "none",
            ..Self::enforce()
        }
    }

    /// Names this host or pattern.
    #[must_use]
    pub fn mx(mut self, pattern: &str) -> Self {
        self.mx.push(pattern.to_owned());
        self
    }

    /// Seconds.
    #[must_use]
    pub fn max_age(mut self, seconds: u64) -> Self {
        self.max_age = seconds;
        self
    }

    /// The id in the TXT record.
    #[must_use]
    pub fn id(self, id: &str) -> Self {
        self.without_txt().txt(&format!("v=STSv1; id={id};"))
    }

    /// No TXT record.
    #[must_use]
    pub fn without_txt(mut self) -> Self {
        self.txt.clear();
        self
    }

    /// A further TXT record.
    #[must_use]
    pub fn txt(mut self, text: &str) -> Self {
        self.txt.push(text.to_owned());
        self
    }

    /// Serves this instead of a policy.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self
    }

    /// Answers with this status; 301 leads to [`REDIRECTED_PATH`].
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Says that the policy is this.
    #[must_use]
    pub fn content_type(mut self, media_type: &str) -> Self {
        media_type.clone_into(&mut self.content_type);
        self
    }

    /// Lengthens the policy, which stays valid, to [`TOO_LONG`] octets.
    #[must_use]
    pub fn too_long(mut self) -> Self {
        self.padded_to = TOO_LONG;
        self
    }

    /// Waits before it answers.
    #[must_use]
    pub fn slow(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends the answer octet by octet, with this gap.
    #[must_use]
    pub fn drips(mut self, gap: Duration) -> Self {
        self.octet_gap = gap;
        self
    }

    /// The connection breaks in the middle of the policy, without the end of TLS.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.cut = true;
        self
    }

    /// Shows this certificate; the next-hop domain is the policy domain.
    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// For a domain with these hosts, unless it names others itself.
    pub(crate) fn or_hosts(mut self, hosts: impl Iterator<Item = String>) -> Self {
        if self.mx.is_empty() && self.mode != "none" {
            self.mx.extend(hosts);
        }
        self
    }

    fn text(&self) -> Vec<u8> {
        let mut text = self.body.clone().unwrap_or_else(|| {
            let mut text = format!("version: STSv1\r\nmode: {}\r\n", self.mode);
            for pattern in &self.mx {
                let _ = write!(text, "mx: {pattern}\r\n");
            }
            let _ = write!(text, "max_age: {}\r\n", self.max_age);
            text.into_bytes()
        });
        if text.len() < self.padded_to {
            text.extend_from_slice(b"filler: ");
            text.resize(self.padded_to, b'x');
        }
        text
    }
}

impl StsServer {
    /// Listens on an address; port 0 takes any that is free. Until something is published there is
    /// no certificate, and every handshake fails.
    ///
    /// # Errors
    /// The address is taken.
    pub fn start(address: SocketAddr, pki: Arc<Pki>) -> io::Result<Self> {
        let site = Arc::new(Site::default());
        let config = tls::config(Arc::clone(&site.shown), &tls::MODERN, false)?;
        let served = Arc::clone(&site);
        let listener = Listener::start(address, "policy hosts", move |stream, stop| {
            // A client that breaks off is none of ours.
            let _ = served.serve(stream, &config, stop);
        })?;
        Ok(Self {
            listener,
            site,
            pki,
        })
    }

    /// From now on this is the policy host of a domain. What the page says of TXT records is for
    /// whoever makes the zone.
    ///
    /// # Errors
    /// A certificate cannot be made.
    pub fn publish(&self, domain: &str, page: Sts) -> io::Result<()> {
        let host = format!("mta-sts.{domain}");
        let credential = self.pki.issue(page.certificate, &host, domain)?;
        self.site.shown.for_name(&host, &credential)?;
        locked(&self.site.pages).insert(host.to_ascii_lowercase(), page);
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The requests so far; handshakes that failed brought none.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.site.requests).clone()
    }
}

#[derive(Debug, Default)]
struct Site {
    shown: Arc<Shown>,
    pages: Mutex<BTreeMap<String, Sts>>,
    requests: Mutex<Vec<Request>>,
}

impl Site {
    fn serve(
        &self,
        mut stream: TcpStream,
        config: &Arc<ServerConfig>,
        stop: &Stop,
    ) -> io::Result<()> {
        let (connection, end) = tls::handshake(config, &mut stream);
        end?;
        let mut connection = connection.ok_or(ErrorKind::Other)?;
        let sni = connection.server_name().map(str::to_owned);
        let mut wire = rustls::Stream::new(&mut connection, &mut stream);
        let request = request(sni, &read_head(&mut wire)?);
        locked(&self.requests).push(request.clone());
        let page = locked(&self.pages).get(&request.host).cloned();
        let response = response(page.as_ref(), &request);
        let Some(page) = page else {
            return finish(&mut wire, &response);
        };
        pause(stop, page.delay)?;
        if page.cut {
            let head = response.len().saturating_sub(page.text().len() / 2);
            wire.write_all(response.get(..head).unwrap_or_default())?;
            return wire.flush();
        }
        if page.octet_gap.is_zero() {
            return finish(&mut wire, &response);
        }
        for octet in &response {
            wire.write_all(&[*octet])?;
            wire.flush()?;
            pause(stop, page.octet_gap)?;
        }
        finish(&mut wire, &[])
    }
}

type Tls<'a> = rustls::Stream<'a, rustls::ServerConnection, TcpStream>;

fn finish(wire: &mut Tls<'_>, rest: &[u8]) -> io::Result<()> {
    wire.write_all(rest)?;
    wire.conn.send_close_notify();
    wire.flush()
}

fn read_head(wire: &mut dyn Read) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        wire.read_exact(&mut octet)?;
        head.extend(octet);
        if head.len() > LONGEST_HEAD {
            return Err(ErrorKind::InvalidData.into());
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

const LONGEST_HEAD: usize = 16 * 1024;

fn request(sni: Option<String>, head: &str) -> Request {
    let mut lines = head.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1));
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host")
            .then(|| value.trim().to_ascii_lowercase())
    });
    Request {
        sni,
        host: host.unwrap_or_default(),
        path: path.unwrap_or_default().to_owned(),
        head: head.to_owned(),
        at: Instant::now(),
    }
}

fn response(page: Option<&Sts>, request: &Request) -> Vec<u8> {
    let found = page.filter(|_| [PATH, REDIRECTED_PATH].contains(&request.path.as_str()));
    let Some(page) = found else {
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            .to_vec();
    };
    let redirected = page.status == 301 && request.path == REDIRECTED_PATH;
    let status = if redirected { 200 } else { page.status };
    let text = page.text();
    let mut head = format!("HTTP/1.1 {status} As told\r\n");
    if status == 301 {
        let host = &request.host;
        let _ = write!(head, "Location: https://{host}{REDIRECTED_PATH}\r\n");
    }
    let (length, media_type) = (text.len(), &page.content_type);
    let _ = write!(
        head,
        "Content-Type: {media_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.into_bytes(), text].concat()
}
