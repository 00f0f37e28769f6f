//! What a directory's answer to a bind or a search means: result code, text and control become a [`Failure`].
//!
//! Sources: RFC 4511 appendix A; Active Directory's `data` codes (error codes of Windows in hexadecimal); the password policy
//! of draft-behera-ldap-password-policy-10, which OpenLDAP and 389 speak.

use portcullis_model::proof::Failure;

use super::message::{Parts, number};

/// The control by which a directory says more of a refused bind.
pub(super) const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// As whom a bind was sent: a service account that is refused is our configuration's fault and no person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    /// The person.
    Person,
    /// The service account, or nobody.
    Service,
}

/// What a bind's answer means. `text` is the directory's own, `policy` the value of [`PASSWORD_POLICY`].
pub(super) fn bind(party: Party, code: u32, text: &str, policy: Option<&[u8]>) -> Result<(), Failure> {
    match party {
        Party::Person => person(code, text, policy),
        Party::Service => match code {
            0 => Ok(()),
            49 | 48 | 32 | 34 | 19 | 53 | 50 => {
                Err(Failure::configuration(&format!("the service account is refused (result {code})")))
            }
            _ => Err(shared(code)),
        },
    }
}

fn person(code: u32, text: &str, policy: Option<&[u8]>) -> Result<(), Failure> {
    let said = policy.and_then(policy_error);
    match (code, said) {
        // The password is right, and must be changed before anything else: that is not our business.
        (0, Some(2)) | (_, Some(0)) => Err(Failure::Expired),
        (_, Some(1)) => Err(Failure::Locked),
        (0, _) => Ok(()),
        (49, _) => Err(windows(text).unwrap_or(Failure::Credentials)),
        // 389: `Exceed password retry limit`.
        (19, _) => Err(Failure::Locked),
        // 389, FreeIPA: `Account inactivated`.
        (53, _) => Err(Failure::Locked),
        (32 | 34 | 48 | 50, _) => Err(Failure::Credentials),
        _ => Err(shared(code)),
    }
}

/// What a search's answer means; whether a reached size limit is an error is for the caller to say.
pub(super) fn search(code: u32) -> Result<(), Failure> {
    match code {
        0 => Ok(()),
        4 => Err(Failure::protocol("the directory gives no more entries than it gave (result 4)")),
        32 => Err(Failure::configuration("the search base does not exist (result 32)")),
        1 | 50 => {
            Err(Failure::configuration(&format!("the search is not allowed to this account (result {code})")))
        }
        34 => Err(Failure::configuration("the search base is no name to the directory (result 34)")),
        _ => Err(shared(code)),
    }
}

/// What other codes mean wherever they come.
fn shared(code: u32) -> Failure {
    match code {
        8 | 13 => Failure::configuration(&format!("the directory asks for TLS (result {code})")),
        10 => Failure::protocol("a referral, which is not followed (result 10)"),
        3 | 11 => Failure::Slow,
        51 | 52 => Failure::Unreachable,
        _ => Failure::Protocol(format!("result {code}")),
    }
}

/// The word `data` of Active Directory's text: `80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data
/// 52e, v3839`.
fn windows(text: &str) -> Option<Failure> {
    let data = text.split("data ").nth(1)?.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    Some(match u32::from_str_radix(data, 16).ok()? {
        // Logon hours, workstations, logon type.
        0x530 | 0x531 | 0x534 => Failure::NotPermitted,
        // Password expired, account expired, password must be changed.
        0x532 | 0x701 | 0x773 => Failure::Expired,
        // Disabled, locked out.
        0x533 | 0x775 => Failure::Locked,
        // 0x525 no such user, 0x52e wrong password, and what we don't know: not in.
        _ => Failure::Credentials,
    })
}

/// The error of a password policy's answer: 0 expired, 1 locked, 2 change after reset.
fn policy_error(value: &[u8]) -> Option<u32> {
    let mut parts = Parts(Parts(value).expect(0x30).ok()?);
    while let Some((tag, content)) = parts.next().ok()? {
        if tag == 0x81 {
            return number(content);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The control with an error, and one that only warns of 5 grace sign-ins.
    fn policy(error: u8) -> Vec<u8> {
        vec![0x30, 3, 0x81, 1, error]
    }
    const GRACE: &[u8] = &[0x30, 5, 0xa0, 3, 0x81, 1, 5];

    #[test]
    fn a_persons_bind_fails_as_this_table_says() {
        let windows = |data: &str| {
            format!(
                "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {data}, v3839\0"
            )
        };
        let mut table = String::new();
        for data in ["525", "52e", "530", "531", "532", "533", "534", "701", "773", "775", "abc", ""] {
            let said = person(49, &windows(data), None).map_err(|failure| failure.word().to_owned());
            table += &format!("{data} {}\n", said.expect_err("a refusal"));
        }
        assert_eq!(
            table,
            "525 credentials\n52e credentials\n530 not-permitted\n531 not-permitted\n532 expired\n533 locked\n\
             534 not-permitted\n701 expired\n773 expired\n775 locked\nabc credentials\n credentials\n"
        );
        for (code, control, wanted) in [
            (0, None, Ok(())),
            (0, Some(GRACE.to_vec()), Ok(())),
            (0, Some(policy(2)), Err(Failure::Expired)),
            (49, Some(policy(0)), Err(Failure::Expired)),
            (49, Some(policy(1)), Err(Failure::Locked)),
            (49, Some(b"\x30\x03broken".to_vec()), Err(Failure::Credentials)),
            (49, None, Err(Failure::Credentials)),
            (19, None, Err(Failure::Locked)),
            (53, None, Err(Failure::Locked)),
            (32, None, Err(Failure::Credentials)),
            (34, None, Err(Failure::Credentials)),
            (48, None, Err(Failure::Credentials)),
            (51, None, Err(Failure::Unreachable)),
            (3, None, Err(Failure::Slow)),
        ] {
            assert_eq!(person(code, "", control.as_deref()), wanted, "{code}");
        }
        for code in [8, 10, 13, 14, 1, 2, 80, 4711] {
            let failure = person(code, "", None).expect_err("a refusal");
            assert_eq!(
                failure.denied().public(),
                portcullis_model::sign_in::PublicDenial::Unavailable,
                "{code}"
            );
        }
    }

    /// No code but 0 lets anybody in.
    #[test]
    fn only_success_is_success() {
        for code in 1..200 {
            assert!(person(code, "", None).is_err() && search(code).is_err(), "{code}");
            assert!(bind(Party::Service, code, "", None).is_err(), "{code}");
        }
    }

    #[test]
    fn a_refused_service_account_is_nobodys_wrong_password() {
        for code in [49, 53, 32] {
            let failure = bind(Party::Service, code, "data 532", None).expect_err("a refusal");
            assert_eq!(failure.word(), "configuration");
        }
    }
}
