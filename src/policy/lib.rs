//! Capabilities, adapters as data, and the pure decision on a request.
