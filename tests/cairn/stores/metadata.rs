//! What a cloud's machines ask for their own credentials: an endpoint that answers GET and PUT from a list, and remembers.

use std::io::{self, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::framing::Head;

/// A running endpoint.
#[derive(Debug)]
pub(crate) struct Metadata {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Metadata {
    /// Answers these paths with these texts, and all others with 404.
    pub(crate) fn start(answers: Vec<(&'static str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let remembered = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A client may go away.
                let _gone = answer(&client, &answers, &remembered);
            }
        });
        Self { port, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The paths that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut client: &TcpStream, answers: &[(&str, String)], asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut from = BufReader::new(client);
    let Some(head) = Head::read(&mut from)? else { return Ok(()) };
    let path = head.first.split(' ').nth(1).unwrap_or_default().to_owned();
    let found = answers.iter().find(|(known, _)| path.split('?').next() == Some(known));
    asked.lock().unwrap().push(path);
    let (status, text) = found.map_or(("404 Not Found", ""), |(_, text)| ("200 OK", text));
    let length = text.len();
    write!(client, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}")
}
