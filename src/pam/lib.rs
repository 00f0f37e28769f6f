//! A PAM conversation as data.
