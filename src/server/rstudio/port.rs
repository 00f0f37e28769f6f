//! A program of the person's on a local port, which RStudio's server connected to itself.
//!
//! Who listens was asked before; it is asked again on the open connection, because a port can change hands in between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_policy::Target;
use portcullis_proxy::Stream;
use portcullis_sys::listeners::listeners;
use tokio::net::TcpStream;

use crate::call::{Call, ides_path};
use crate::pass::connect_to;
use crate::state::{Live, Person};
use crate::strip::Outer;

/// Where a program on a port believes to be, below the session.
pub(crate) fn outer(call: &Call<'_>, live: &Live, target: Target) -> Option<Outer> {
    let Target::Port { skip, .. } = target else { return Outer::of(call, live) };
    let root = call.generation().root.as_str().trim_end_matches('/');
    let place = ides_path(root, call.uri.path()).get(..skip)?;
    Some(Outer::at(format!("{root}/s/{}{place}", live.session.id)))
}

/// A fresh connection to whoever answers the request.
///
/// # Errors
/// When nobody answers, or somebody who isn't the session's owner.
pub(crate) async fn connect(
    call: &Call<'_>,
    person: &Person,
    live: &Live,
    target: Target,
) -> std::io::Result<Stream> {
    let owner = person.sign_in.principal.uid;
    let Target::Port { port, six, .. } = target else {
        return connect_to(call.thread, Some(owner), live).await;
    };
    let address: IpAddr = if six { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
    let stream = TcpStream::connect((address, port)).await?;
    let owners = listeners(port).map_err(std::io::Error::other)?;
    if owners.is_empty() || owners.iter().any(|other| *other != owner.0) {
        return Err(std::io::Error::other("the port belongs to another account by now"));
    }
    Ok(Stream::from(stream))
}
