//! The door for requests: refuses what is ambiguous and brings all versions of HTTP to one form.

/// Extension of a request that asks for a WebSocket, validated; see [`tunnel`](crate::tunnel).
///
/// A request with it is a GET whether it came by HTTP/1.1 Upgrade or HTTP/2 extended CONNECT; its
/// `Sec-WebSocket-*` fields are in place, `Connection` and `Upgrade` are gone.
#[derive(Debug, Clone)]
pub struct WebSocketAsk {
    /// Over HTTP/2, where there is no key and the answer is 200.
    pub(crate) h2: bool,
}
