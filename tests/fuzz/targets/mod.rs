//! The targets.

mod adapter;
mod bodies;
mod cbor;
mod conf;
mod cookie;
mod proxy;
mod records;
mod saml;
mod sockets;
mod ticket;
mod wire;

use crate::Target;

/// All of them.
pub static ALL: &[Target] = &[
    adapter::ADAPTER,
    adapter::PATH,
    bodies::CONTENTS,
    bodies::RPC,
    bodies::MULTIPART,
    sockets::JUPYTER,
    sockets::CODE_SERVER,
    sockets::TERMINALS,
    proxy::FRAMES,
    proxy::ANSWER,
    proxy::REQUEST,
    proxy::CHUNKS,
    cookie::COOKIE,
    conf::CONF,
    wire::WIRE,
    records::RECORDS,
    saml::SAML,
    cbor::CBOR,
    ticket::TICKET,
];
