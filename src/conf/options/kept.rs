//! Options of `portcullis.conf` about what is kept of accounts and sign-ins.

use crate::option::options;
use crate::value::Int;

options! {
    /// The database of accounts: waiting for it, doing without it, how much it keeps.
    Kept, "Accounts and the database";

    /// Milliseconds to wait for PostgreSQL at a sign-in: other machines honour it from then on.
    "database-wait-ms" database_wait_ms: Int<100, 30000> = "2000", Hup,
        "longer than a database takes that works, shorter than a person waits";
    /// Seconds without PostgreSQL after which people are turned away; 0 for never.
    ///
    /// A sign-in that another machine ended can't be known here meanwhile. Nothing is ended by it.
    "database-lost-seconds" database_lost_seconds: Int<0, 86400> = "300", Hup,
        "a restart of the database is over by then; what was revoked elsewhere opens nothing here for longer";
    /// Days for which sign-ins that ended are kept for `portcullis users` and the pages.
    "sign-in-history-days" sign_in_history_days: Int<1, 3650> = "90", Hup,
        "a quarter of a year answers what people ask; the audit log has all of it";
}
