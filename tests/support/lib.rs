//! A world for black-box tests.
