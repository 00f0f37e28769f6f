//! Options of `portcullis.conf`: what no other product has.

use crate::option::options;
use crate::value::{Account, FlagNames, Int, MinimumLevels, PamService, Prefixes, TransportWord};

options! {
    /// Portcullis' own settings.
    Portcullis, "Implemented";

    /// How bytes get to a session: by a TCP port, or by a connection that is handed over.
    ///
    /// `tcp` takes a port of session-port-range, or any free one. `unix` takes no port.
    "session-transport" session_transport: TransportWord = "auto", NewSessions,
        "tcp when session-port-range is set, else unix, because a connection handed over needs no relay";
    /// Seconds within which an IDE must answer after its start.
    "session-start-timeout-seconds" session_start_timeout_seconds: Int<1, 3600> = "60", NewSessions,
        "JupyterLab on a cold disk was seen to need more than 15";
    /// Seconds between asking an IDE to end and ending it.
    "session-end-seconds" session_end_seconds: Int<1, 600> = "10", NewSessions,
        "time enough to save a notebook, short enough for a shutdown of the machine";
    /// Sessions of all people together.
    "session-limit-total" session_limit_total: Int<1, 100000> = "1000", Hup,
        "more than a machine's memory holds; a bound against runaway clients";
    /// Hours that a session may last, used or not; 0 for ever.
    ///
    /// For machines whose sessions should pick up updates and new limits within a known time. Also in a section of profiles.
    "session-max-age-hours" session_max_age_hours: Int<0, 87600> = "0", Hup,
        "a session that is used does no harm by its age, and its end would cost its owner what is in memory";
    /// Minutes for which an ended session and its last output are shown to its owner.
    "session-ended-keep-minutes" session_ended_keep_minutes: Int<1, 10080> = "60", Hup,
        "long enough to read why it ended";

    /// Flags whose effect is `audit`: what they forbid passes, and is recorded.
    ///
    /// To see what a flag would refuse before it does. Also in a section of profiles, where it takes the place of this one.
    "audit-only" audit_only: FlagNames = "", Hup,
        "what somebody forbade is forbidden";
    /// How strongly a flag must hold, where it restricts a person: else their session is not started.
    ///
    /// `portcullis doctor` shows how strongly each holds on this machine, and why. A flag of the effect `audit` holds at none.
    "minimum-level" minimum_level: MinimumLevels = "", NewSessions,
        "every flag says how strongly it holds; whether that is enough, only the administrator knows";
    /// Hours that an exemption from a flag may last at most.
    "exemption-max-hours" exemption_max_hours: Int<1, 720> = "24", Hup,
        "a day's work, also one that goes on into the night; what is to last belongs into profiles";

    /// Account of the program that keeps accounts and asks directories and identity providers.
    ///
    /// Another one than server-user: who breaks into the web server must not reach the memory of what proves identities.
    "identity-user" identity_user: Account = "portcullis-identity", Restart,
        "an account of its own, so that neither the web server nor anything else on the machine shares its rights";
    /// PAM service that signs people in: a file in /etc/pam.d.
    "pam-service" pam_service: PamService = "portcullis", Hup,
        "a file of its own can be changed without changing anything else";
    /// Seconds that a PAM conversation may take, a person's typing included.
    "pam-timeout-seconds" pam_timeout_seconds: Int<5, 600> = "60", Hup,
        "a one-time code is typed within a minute; a module that hangs is cut off";
    /// Seconds after which a refused sign-in is answered, whatever the reason.
    "sign-in-failure-seconds" sign_in_failure_seconds: Int<0, 60> = "3", Hup,
        "longer than PAM's own delay of about two, so that every reason takes the same time";
    /// Lengths of IPv6 prefixes that failed sign-ins are counted by, the longest first.
    ///
    /// Each has twice the room of the one before. The first has room for 60 failures at once, and is empty again after two minutes. IPv4 is counted by address, and by /24.
    "auth-throttle-ipv6-prefixes" auth_throttle_ipv6_prefixes: Prefixes = "64,56,48", Hup,
        "what a home, a site and a provider's customer are given: whoever has one has all its addresses";
    /// PAM conversations at a time.
    "sign-in-max-concurrent" sign_in_max_concurrent: Int<1, 256> = "16", Hup,
        "each is a process; a morning's rush passes, a flood does not fill the machine";

    /// Largest request head in KiB.
    "request-header-max-kb" request_header_max_kb: Int<8, 1024> = "64", Restart,
        "cookies of several sessions fit, floods don't";
    /// Largest request body in megabytes; 0 for any.
    "request-body-max-mb" request_body_max_mb: Int<0, 1048576> = "0", Hup,
        "bodies are streamed, not held; limit-file-upload-size-mb is the limit for uploads";
    /// Seconds within which a request's head must have arrived.
    "request-header-timeout-seconds" request_header_timeout_seconds: Int<1, 600> = "10", Restart,
        "slow lines manage it, connections that are only held open don't";
    /// Seconds for which an idle connection of a browser is kept.
    "connection-idle-seconds" connection_idle_seconds: Int<1, 3600> = "75", Restart,
        "longer than the minute that load balancers in front use, so that they close first";
    /// Connections of browsers at a time.
    "connections-max" connections_max: Int<16, 1000000> = "10000", Restart,
        "a thousand people with ten tabs each";
    /// Seconds for which requests under way may go on when the server ends.
    "drain-seconds" drain_seconds: Int<0, 600> = "30", Hup,
        "a large upload may finish; a service manager waits for 90";
    /// Minutes for which a replaced server lets WebSockets, downloads and uploads go on.
    ///
    /// By a restart or an upgrade. What is left then is cut.
    "handover-minutes" handover_minutes: Int<0, 10080> = "720", Hup,
        "a working day: pages that stay open connect anew by themselves much earlier";
}
