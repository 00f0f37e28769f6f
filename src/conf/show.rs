//! The effective configuration, in the files' own syntax.
