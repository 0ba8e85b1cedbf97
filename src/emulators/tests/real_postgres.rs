//! The real PostgreSQL for tests: it is there, goes away and comes back when told, and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use otus_emulators::real::RealPostgres;
use std::net::{SocketAddr, TcpStream};

fn address(url: &str) -> SocketAddr {
    let (_, place) = url.rsplit_once('@').unwrap();
    place.split_once('/').unwrap().0.parse().unwrap()
}

#[test]
fn it_comes_and_goes() {
    let server = RealPostgres::start().unwrap();
    let address = address(&server.url());
    let [one, two] = [server.fresh().unwrap(), server.fresh().unwrap()];
    assert_ne!(one, two);
    TcpStream::connect(address).unwrap();
    server
        .restart(|| assert!(TcpStream::connect(address).is_err(), "it is away"))
        .unwrap();
    TcpStream::connect(address).unwrap();
    server.fresh().unwrap();
    let folder = server.folder().to_owned();
    assert!(folder.join("data").exists());
    drop(server);
    assert!(TcpStream::connect(address).is_err(), "it is stopped");
    assert!(!folder.exists(), "its folder is gone");
}
