//! The running server, driven over TCP; the test plays the launcher and the session.

mod attacks;
mod browser;
mod consoles;
mod handover;
mod launcher;
mod providers;
mod requests;
mod saml;
mod session;
mod signing_in;
mod steering;
mod tls;
