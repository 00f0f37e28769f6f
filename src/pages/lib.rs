//! The pages a person sees, as pure functions from data to HTML.
