//! Forwards HTTP/1.1, HTTP/2 and WebSockets; knows streams and limits, not users.
