//! A liar between whoever asks and the truth.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use requiretls_testbed::proto::op::Message;

use crate::client::{ask, query};

/// What comes in the place of the answer to this question; `None`: nothing comes. The last word is
/// whether it came over TCP.
pub(crate) type Lie = dyn Fn(&Truth, &Message, bool) -> Option<Message> + Send + Sync;

/// Who knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth(pub(crate) SocketAddr);

impl Truth {
    /// The answer to a question as it was asked.
    pub(crate) fn of(self, query: &Message) -> Message {
        ask(self.0, query)
    }

    /// The answer to a question such as `MX d.test`, with signatures, whatever they are worth.
    pub(crate) fn get(self, question: &str) -> Message {
        let (kind, name) = question.split_once(' ').unwrap();
        let mut query = query(name, kind.parse().unwrap());
        query.metadata.checking_disabled = true;
        ask(self.0, &query)
    }
}

/// Listens until it is dropped.
pub(crate) struct Liar {
    pub(crate) address: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    site: Arc<Site>,
}

struct Site {
    truth: Truth,
    lie: Mutex<Arc<Lie>>,
    /// How many questions came.
    asked: Mutex<usize>,
}

impl Liar {
    /// Tells the truth, until it is told to lie.
    pub(crate) fn start(address: SocketAddr, truth: SocketAddr) -> Self {
        let honest: Arc<Lie> = Arc::new(|truth, query, _| Some(truth.of(query)));
        let site = Arc::new(Site {
            truth: Truth(truth),
            lie: Mutex::new(honest),
            asked: Mutex::new(0),
        });
        let over = Arc::new(AtomicBool::new(false));
        let udp = UdpSocket::bind(address).unwrap();
        let tcp = TcpListener::bind(address).unwrap();
        let (a, b) = (Arc::clone(&site), Arc::clone(&site));
        let (over_a, over_b) = (Arc::clone(&over), Arc::clone(&over));
        let threads = vec![
            std::thread::spawn(move || a.serve_udp(&udp, &over_a)),
            std::thread::spawn(move || b.serve_tcp(&tcp, &over_b)),
        ];
        Self {
            address,
            over,
            threads,
            site,
        }
    }

    pub(crate) fn tell(&self, lie: Arc<Lie>) {
        *self.site.lie.lock().unwrap() = lie;
    }

    pub(crate) fn asked(&self) -> usize {
        *self.site.asked.lock().unwrap()
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

impl Site {
    fn says(&self, query: &Message, tcp: bool) -> Option<Message> {
        *self.asked.lock().unwrap() += 1;
        let lie = Arc::clone(&*self.lie.lock().unwrap());
        lie(&self.truth, query, tcp)
    }

    fn serve_udp(&self, socket: &UdpSocket, over: &AtomicBool) {
        socket.set_read_timeout(Some(PAUSE)).unwrap();
        let mut buffer = [0; 4096];
        while !over.load(Ordering::Relaxed) {
            let Ok((length, client)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let Some(answer) = self.says(&query, false) else {
                continue;
            };
            let octets = answer.to_vec().unwrap();
            let fits = octets.len() <= usize::from(query.max_payload());
            let octets = if fits {
                octets
            } else {
                answer.truncate().to_vec().unwrap()
            };
            drop(socket.send_to(&octets, client));
        }
    }

    fn serve_tcp(&self, listener: &TcpListener, over: &AtomicBool) {
        listener.set_nonblocking(true).unwrap();
        while !over.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, _)) => drop(self.serve_connection(stream)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                Err(_) => {}
            }
        }
    }

    fn serve_connection(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PAUSE * 100))?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut query = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut query)?;
        let Some(answer) = self.says(&Message::from_vec(&query).unwrap(), true) else {
            return Ok(());
        };
        let octets = answer.to_vec().unwrap();
        let length = u16::try_from(octets.len()).unwrap();
        stream.write_all(&[length.to_be_bytes().to_vec(), octets].concat())
    }
}

const PAUSE: Duration = Duration::from_millis(10);
