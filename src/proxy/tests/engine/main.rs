//! The engine from outside: real sockets on loopback, scripted sessions, raw bytes.

mod doors;
mod exchanges;
mod framing;
mod inspected;
mod limits;
mod origin;
mod proxy;
mod sockets;
mod streams;
mod tls;
