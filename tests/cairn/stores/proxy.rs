//! A proxy that does to each request what a test decides, and remembers what it saw.
//!
//! Requests are passed on as they are, `Host` included, so that signatures hold.

use std::io::{self, BufRead, BufReader, BufWriter, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::framing::Head;

/// What is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Passed on.
    None,
    /// Passed on after a while.
    Late(Duration),
    /// Answered with this status, the store never sees it.
    Status(u16),
    /// The connection ends before the store sees it.
    Reset,
    /// The store does it, and the connection ends before the answer's first byte.
    Unanswered,
    /// The answer ends after this many bytes of its body.
    Short(u64),
    /// After this many bytes of the answer's body, nothing comes for as long as given; then the connection ends.
    Stall(u64, Duration),
}

/// A request that a fault is to be chosen for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// 0 for the first that this proxy got.
    pub(crate) number: u64,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) range: Option<String>,
}

/// A request and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) fault: Fault,
    /// The store's own status; none when it was never asked.
    pub(crate) status: Option<u16>,
    /// Bytes of the request's body that reached the store.
    pub(crate) sent: u64,
    /// Bytes of the answer's body that reached the client.
    pub(crate) received: u64,
}

/// A running proxy.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: u16,
    choose: Box<dyn Fn(&Asked) -> Fault + Send + Sync>,
    requests: AtomicU64,
    /// Bytes of requests' bodies, counted as they pass.
    sent: AtomicU64,
    seen: Mutex<Vec<Seen>>,
    ended: AtomicBool,
}

impl Proxy {
    /// In front of a port of this machine.
    pub(crate) fn before(upstream: u16, choose: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            upstream,
            choose: Box::new(choose),
            requests: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            seen: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.ended.load(Ordering::Relaxed) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || {
                    // Clients that are killed break off: that is what this is for.
                    let _broken_off = shared.serve(&client);
                    let _closed = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Requests so far, faults included.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Bytes of requests' bodies so far, those of requests under way included.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// True when no request is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.seen().len() as u64 == self.requests()
    }

    /// All requests that are over, in the order of their ends.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    /// Serves one client's connection, request by request.
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let store = TcpStream::connect(("127.0.0.1", self.upstream))?;
        store.set_nodelay(true)?;
        let mut from_client = BufReader::new(client);
        let mut ways = Ways {
            to_client: BufWriter::new(client),
            from_store: BufReader::new(&store),
            to_store: BufWriter::new(&store),
        };
        while let Some(head) = Head::read(&mut from_client)? {
            let mut words = head.first.split(' ').map(str::to_owned);
            let asked = Asked {
                number: self.requests.fetch_add(1, Ordering::Relaxed),
                method: words.next().unwrap_or_default(),
                target: words.next().unwrap_or_default(),
                range: head.get("range").map(str::to_owned),
            };
            let fault = (self.choose)(&asked);
            let Asked { method, target, .. } = asked;
            let mut seen = Seen { method, target, fault, status: None, sent: 0, received: 0 };
            let goes_on = self.answer(&head, &mut from_client, &mut ways, &mut seen);
            self.seen.lock().unwrap().push(seen);
            if !goes_on? {
                break;
            }
        }
        Ok(())
    }

    /// Does to one request what is to be done; false when the connection is to end.
    fn answer(
        &self,
        head: &Head,
        from_client: &mut impl BufRead,
        ways: &mut Ways<'_>,
        seen: &mut Seen,
    ) -> io::Result<bool> {
        match seen.fault {
            Fault::Reset => return Ok(false),
            Fault::Status(status) => {
                head.request_body().copy(from_client, &mut io::sink(), u64::MAX)?;
                refuse(&mut ways.to_client, status)?;
                return Ok(true);
            }
            Fault::Late(time) => thread::sleep(time),
            _ => {}
        }
        head.write(&mut ways.to_store)?;
        let mut counted = Counted { to: &mut ways.to_store, seen: &mut seen.sent, all: &self.sent };
        head.request_body().copy(from_client, &mut counted, u64::MAX)?;
        ways.to_store.flush()?;
        let answer = Head::read(&mut ways.from_store)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        seen.status = Some(answer.status());
        let limit = match seen.fault {
            Fault::Unanswered => return Ok(false),
            Fault::Short(bytes) | Fault::Stall(bytes, _) => bytes,
            _ => u64::MAX,
        };
        answer.write(&mut ways.to_client)?;
        let body = answer.answer_body(&seen.method);
        seen.received = body.copy(&mut ways.from_store, &mut ways.to_client, limit)?;
        ways.to_client.flush()?;
        if let Fault::Stall(_, time) = seen.fault {
            thread::sleep(time);
        }
        Ok(limit == u64::MAX)
    }
}

/// The ways of a connection but the one that requests come by.
struct Ways<'a> {
    to_client: BufWriter<&'a TcpStream>,
    from_store: BufReader<&'a TcpStream>,
    to_store: BufWriter<&'a TcpStream>,
}

/// Counts as the bytes pass, also those of a request that is broken off.
struct Counted<'a, W> {
    to: &'a mut W,
    seen: &'a mut u64,
    all: &'a AtomicU64,
}

impl<W: io::Write> io::Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        *self.seen += written as u64;
        self.all.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What a store under load, or one that does not know the caller, answers.
fn refuse(to: &mut impl io::Write, status: u16) -> io::Result<()> {
    let code = match status {
        403 => "ExpiredToken",
        429 => "TooManyRequests",
        503 => "SlowDown",
        _ => "InternalError",
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>test</Message></Error>"
    );
    let length = body.len();
    write!(
        to,
        "HTTP/1.1 {status} Refused\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    to.flush()
}
