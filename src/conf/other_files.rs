//! Files beside the ones that are read.

use crate::problem::Problem;

pub(crate) fn check(_names: &[String], _problems: &mut Vec<Problem>) {}
