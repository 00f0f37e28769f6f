//! The tables: every option of every file, once. Nothing else says what an option is called or what its default is.

pub(crate) mod jupyter;
pub(crate) mod portcullis;
pub(crate) mod profiles;
pub(crate) mod rserver;
pub(crate) mod rsession;

use crate::option::Group;

pub(crate) static RSERVER: &[&Group] = &[&rserver::GROUP];
pub(crate) static RSESSION: &[&Group] = &[&rsession::GROUP];
pub(crate) static JUPYTER: &[&Group] = &[&jupyter::GROUP];
pub(crate) static PORTCULLIS: &[&Group] = &[&portcullis::GROUP];
pub(crate) static PROFILES: &[&Group] = &[&profiles::GROUP];
