//! A server that says over each connection what it is told to, whatever it is asked.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(super) struct BackEnd {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

/// A connection on which requests are read as they come.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    /// The first connection is 0.
    pub(super) number: usize,
    requests: Arc<Mutex<Vec<String>>>,
}

impl BackEnd {
    /// Serves each connection so.
    pub(super) async fn start<F, S>(serve: F) -> Self
    where
        F: Fn(Client) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::at(listener, serve)
    }

    pub(super) fn at<F, S>(listener: TcpListener, serve: F) -> Self
    where
        F: Fn(Client) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, seen) = (Arc::clone(&connections), Arc::clone(&requests));
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(Client {
                    stream,
                    number: count.fetch_add(1, Ordering::SeqCst),
                    requests: Arc::clone(&seen),
                }));
            }
        });
        Self {
            address,
            connections,
            requests,
            serving,
        }
    }

    /// Answers every request with 200 and this, for as long as anybody asks.
    pub(super) async fn saying(words: &'static str) -> Self {
        Self::start(move |client| client.say_on(words)).await
    }

    /// Answers the first request over each connection with these octets, and closes it.
    pub(super) async fn sending(octets: &'static [u8]) -> Self {
        Self::start(move |mut client| async move {
            client.request().await;
            client.send(octets).await;
        })
        .await
    }

    /// Where nobody listens.
    pub(super) async fn nowhere() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Listens no more.
    pub(super) fn stop(&self) {
        self.serving.abort();
    }
}

impl Client {
    pub(super) async fn say_on(mut self, words: &'static str) {
        while self.request().await.is_some() {
            let length = words.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{words}");
            self.send(answer.as_bytes()).await;
        }
    }

    /// The head of the next request, and its body if its length is said.
    pub(super) async fn request(&mut self) -> Option<String> {
        let mut octets = Vec::new();
        while !octets.ends_with(b"\r\n\r\n") {
            octets.push(self.stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(octets).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body).await.ok()?;
        let request = head + &String::from_utf8_lossy(&body);
        self.requests.lock().unwrap().push(request.clone());
        Some(request)
    }

    /// The head of the next request, and nothing of its body.
    pub(super) async fn head(&mut self) -> String {
        let mut octets = Vec::new();
        while !octets.ends_with(b"\r\n\r\n") {
            octets.push(self.stream.read_u8().await.unwrap());
        }
        String::from_utf8(octets).unwrap()
    }

    pub(super) async fn send(&mut self, octets: &[u8]) {
        // Whoever is gone misses it.
        let _gone = self.stream.write_all(octets).await;
    }
}
