//! Options that are right by themselves and wrong together.

use crate::problem::Problem;
use crate::settings::Settings;

pub(crate) fn check(_settings: &Settings, _problems: &mut Vec<Problem>) {}
