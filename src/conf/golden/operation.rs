//! Options about watching the daemon: what is wrong with them together.

use super::{answers, sources};
use crate::load;

#[test]
fn watching_the_daemon_is_checked_as_a_whole() {
    answers(
        "rserver.conf",
        "admin-enabled=1\nmetrics-enabled=1\nwww-port=8989\n",
        "/etc/rstudio/rserver.conf:1: admin-enabled: warning: nobody sees these pages: there is no group of administrators
 1 | admin-enabled=1
   |               ^
hint: set `admin-superuser-group`, or `admin-group`
/etc/rstudio/rserver.conf:2: metrics-enabled: `metrics-port` is the port that people sign in at
 2 | metrics-enabled=1
   |                 ^
hint: set `metrics-port` to another one
",
    );
    let files = [("health-check-B64C", "up: #active-sessions#\n")];
    let health = load(&sources(&files)).settings.health_check.expect("the file");
    assert_eq!((health.name.as_str(), health.text.as_str()), files[0]);
    let mut read = sources(&[]);
    read.others = ["health-check", "health-check-2"].map(str::to_owned).to_vec();
    let found: String = load(&read).problems.iter().map(|problem| problem.render(&read.dir)).collect();
    let second = "/etc/rstudio/health-check-2: warning: this file is not read: the first whose name begins with `health-check` is\n";
    assert_eq!(found, second);
}
