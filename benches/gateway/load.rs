//! The load generator: GET requests over a number of kept-alive connections,
//! each sending the next request when it has the answer to the last.
//!
//! It runs in a process of its own, so that the server's CPU time is the
//! server's alone; it reads that time at both ends of what it measures.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::process;

/// Requests of each connection that are not measured.
const WARM_UP: usize = 20;
/// No round sends more requests than this, however fast the server is.
const MOST_REQUESTS: usize = 500_000;

/// A round of requests.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// The server's process.
    pub(crate) pid: u32,
    /// A header line for each request.
    pub(crate) header: String,
    /// The paths, asked for in turn.
    pub(crate) paths: Vec<String>,
    /// Connections.
    pub(crate) connections: usize,
    /// How long.
    pub(crate) seconds: f64,
}

/// What a round came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Answers per second.
    pub(crate) per_second: f64,
    /// Half of the answers took at most this many microseconds.
    pub(crate) p50: f64,
    /// 99 of 100 answers took at most this many microseconds.
    pub(crate) p99: f64,
    /// CPU microseconds of the server per answer.
    pub(crate) cpu: f64,
}

/// Carries out the order in a file, and prints the outcome as JSON.
pub(crate) fn run(order: &str) {
    let order = fs::read_to_string(order).expect("the order is there");
    let order: Arc<Order> = Arc::new(serde_json::from_str(&order).expect("the order is one"));
    let next = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Barrier::new(order.connections + 1));
    let clients: Vec<_> = (0..order.connections)
        .map(|_| {
            let (order, next, gate) = (Arc::clone(&order), Arc::clone(&next), Arc::clone(&gate));
            thread::spawn(move || Client::new(&order, &next).run(&gate))
        })
        .collect();
    gate.wait();
    let (start, before) = (Instant::now(), process::cpu(order.pid));
    let mut times: Vec<Duration> = Vec::new();
    for client in clients {
        times.extend(client.join().expect("a client got what it asked for"));
    }
    let (elapsed, used) = (start.elapsed(), process::cpu(order.pid) - before);
    times.sort_unstable();
    let micros = |at: usize| times[at.min(times.len() - 1)].as_secs_f64() * 1e6;
    let outcome = Outcome {
        per_second: times.len() as f64 / elapsed.as_secs_f64(),
        p50: micros(times.len() / 2),
        p99: micros(times.len() * 99 / 100),
        cpu: used.as_secs_f64() * 1e6 / times.len() as f64,
    };
    println!("{}", serde_json::to_string(&outcome).expect("numbers are JSON"));
}

/// One connection.
struct Client<'a> {
    order: &'a Order,
    next: &'a AtomicUsize,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl<'a> Client<'a> {
    fn new(order: &'a Order, next: &'a AtomicUsize) -> Self {
        let stream = TcpStream::connect(order.address).expect("the server listens");
        stream.set_nodelay(true).expect("it is a socket");
        Self { order, next, stream, buffer: vec![0; 64 * 1024] }
    }

    /// How long each answer took.
    fn run(mut self, gate: &Barrier) -> Vec<Duration> {
        (0..WARM_UP).for_each(|_| self.ask());
        gate.wait();
        let start = Instant::now();
        let mut times = Vec::new();
        while start.elapsed().as_secs_f64() < self.order.seconds
            && times.len() < MOST_REQUESTS / self.order.connections
        {
            let asked = Instant::now();
            self.ask();
            times.push(asked.elapsed());
        }
        times
    }

    fn ask(&mut self) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let path = &self.order.paths[turn % self.order.paths.len()];
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n\r\n", self.order.header);
        self.stream.write_all(request.as_bytes()).expect("the server takes requests");
        let mut have = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[have..]).expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            have += read;
            if self.is_whole(have) {
                return;
            }
        }
    }

    /// True if the buffer holds an answer with its body.
    fn is_whole(&self, have: usize) -> bool {
        let answer = &self.buffer[..have];
        let Some(end) = answer.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(answer));
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.expect("bodies have a length").trim().parse().expect("it is a number");
        have >= end + 4 + length
    }
}
