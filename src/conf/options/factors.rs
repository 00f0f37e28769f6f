//! Options of `portcullis.conf` about second factors.

use crate::option::options;
use crate::value::{Bool, Commas, FactorKinds, Int, Origin};

options! {
    /// Second factors: for whom, which, and how fresh a proof must be.
    Factors, "Second factors";

    /// Groups whose members need a second factor.
    ///
    /// Who has none yet is let in for nothing but to enrol one.
    "factor-required-groups" factor_required_groups: Commas = "", Hup,
        "who needs one, only the administrator knows";
    /// Kinds that people may enrol: `totp` (codes of a phone), `passkey` (WebAuthn; needs TLS).
    "factor-methods" factor_methods: FactorKinds = "totp,passkey", Hup,
        "each is better than none, and people have one or the other";
    /// The address in browsers, such as `https://rstudio.example.org`: passkeys are bound to its host.
    ///
    /// No path. Without TLS only `http://localhost` will do: browsers know no passkeys elsewhere.
    "factor-origin" factor_origin: Origin = "", Hup,
        "which of its names is the one that stays, only the administrator knows; until it is said nobody can enrol a passkey";
    /// Let people enrol one who need none.
    "factor-optional" factor_optional: Bool = "1", Hup,
        "who wants to be safer may";
    /// Minutes for which somebody who must enrol one is let in to do so.
    "factor-grace-minutes" factor_grace_minutes: Int<1, 1440> = "15", Hup,
        "time to find a phone and install a program";
    /// Minutes for which a proof is fresh enough to make keys, change factors and look after other people.
    "renew-minutes" renew_minutes: Int<1, 1440> = "10", Hup,
        "an unattended screen must not give away what lasts longer than the sign-in";
}
