//! Raw paths: which bytes are refused, and how a tail is decoded.
