//! Kinds of values about who people are: addresses of providers, rules on names, networks of proxies.

use ipnet::IpNet;
use portcullis_model::UserName;
use portcullis_model::name_rule::NameRule;

use super::{Bad, Value};

/// Longest address, in bytes, as the clients here take them.
const ADDRESS_MAX: usize = 2048;

/// Whether a text is an address of this scheme as people copy it from a provider's page: one host, nothing before it, no
/// fragment.
fn is_address(text: &str, scheme: &str) -> bool {
    let host = text.strip_prefix(scheme).and_then(|rest| rest.split(['/', '?']).next());
    let plain = text.len() <= ADDRESS_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    let odd = ['#', '@', '\\', '"', '<', '>', '`'];
    plain && !text.contains(odd) && host.is_some_and(|host| !host.is_empty() && !host.starts_with(':'))
}

/// An address that is asked by TLS, or nothing.
#[derive(Debug)]
pub struct HttpsAddress;

impl Value for HttpsAddress {
    type Out = Option<String>;

    fn words() -> String {
        "address that begins with `https://`, or empty".into()
    }

    fn parse(text: &str) -> Result<Option<String>, Bad> {
        match text {
            "" => Ok(None),
            _ if is_address(text, "https://") => Ok(Some(text.to_owned())),
            _ => Err(Bad::with(
                format!("`{text}` is not an https address"),
                "write it as the provider names it, such as https://idp.example/realm; a certificate of a private authority can \
                 be trusted, plain http can't",
            )),
        }
    }
}

/// An address of our own as browsers have it, or nothing.
#[derive(Debug)]
pub struct OwnAddress;

impl Value for OwnAddress {
    type Out = Option<String>;

    fn words() -> String {
        "address that begins with `https://` or `http://`, or empty".into()
    }

    fn parse(text: &str) -> Result<Option<String>, Bad> {
        let whole = (is_address(text, "https://") || is_address(text, "http://")) && !text.contains('?');
        match text {
            "" => Ok(None),
            _ if whole => Ok(Some(text.trim_end_matches('/').to_owned())),
            _ => Err(Bad::with(
                format!("`{text}` is not an address of this server"),
                "write what people have in their browsers, up to and with `www-root-path`",
            )),
        }
    }
}

/// Where a browser is sent: an address, or a path on this host; or nothing.
#[derive(Debug)]
pub struct WebTarget;

impl Value for WebTarget {
    type Out = Option<String>;

    fn words() -> String {
        "address that begins with `https://` or `http://`, or absolute path, or empty".into()
    }

    fn parse(text: &str) -> Result<Option<String>, Bad> {
        // `//host` and `/\host` are other hosts for a browser.
        let path = text.starts_with('/')
            && !text[1..].starts_with(['/', '\\'])
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        match text {
            "" => Ok(None),
            _ if path || is_address(text, "https://") || is_address(text, "http://") => {
                Ok(Some(text.to_owned()))
            }
            _ => Err(Bad::with(
                format!("`{text}` is neither an address nor a path"),
                "write https://…, or a path that begins with one `/`",
            )),
        }
    }
}

/// The name of a header that says who somebody is.
#[derive(Debug)]
pub struct HeaderName;

/// Headers that browsers and proxies set by themselves, or that mean something here already.
const TAKEN: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "origin",
    "referer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
];

impl Value for HeaderName {
    type Out = String;

    fn words() -> String {
        "name of a request header".into()
    }

    fn parse(text: &str) -> Result<String, Bad> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let name = text.to_ascii_lowercase();
        if text.is_empty() || text.len() > 100 || !text.bytes().all(plain) {
            // An underscore is a hyphen to some proxies, so that somebody else could send it.
            return Err(Bad::with(
                format!("`{text}` is not the name of a header"),
                "use letters, digits and `-`",
            ));
        }
        if TAKEN.contains(&name.as_str()) {
            return Err(Bad::with(
                format!("`{text}` has another meaning"),
                "name a header of your proxy's own",
            ));
        }
        Ok(name)
    }
}

/// A rule that rewrites names, or nothing.
#[derive(Debug)]
pub struct RewriteRule;

impl Value for RewriteRule {
    type Out = Option<NameRule>;

    fn words() -> String {
        "regular expression, a space and a replacement, or empty".into()
    }

    fn parse(text: &str) -> Result<Option<NameRule>, Bad> {
        if text.is_empty() {
            return Ok(None);
        }
        NameRule::parse(text)
            .map(Some)
            .map_err(|why| Bad::with(why.to_string(), r"write for example ^(.*)@example\.com$ $1"))
    }
}

/// The name of an account, or nothing.
#[derive(Debug)]
pub struct OptionalAccount;

impl Value for OptionalAccount {
    type Out = Option<UserName>;

    fn words() -> String {
        "name of an account, or empty".into()
    }

    fn parse(text: &str) -> Result<Option<UserName>, Bad> {
        if text.is_empty() { Ok(None) } else { super::Account::parse(text).map(Some) }
    }
}

/// Networks separated by commas or spaces.
#[derive(Debug)]
pub struct Networks;

impl Value for Networks {
    type Out = Vec<IpNet>;

    fn words() -> String {
        "addresses and networks separated by `,`".into()
    }

    fn parse(text: &str) -> Result<Vec<IpNet>, Bad> {
        let bad =
            |part: &str, hint: String| Bad::with(format!("`{part}` is not an address or network"), hint);
        let network = |part: &str| match part.parse::<std::net::IpAddr>() {
            Ok(address) => Ok(IpNet::from(address)),
            Err(_) => match part.parse::<IpNet>() {
                Ok(net) if net.trunc() == net => Ok(net),
                // 10.0.0.7/8 is a machine or a network: which one was meant, nobody can tell.
                Ok(net) => Err(bad(
                    part,
                    format!("write {} for the network or {} for the machine", net.trunc(), net.addr()),
                )),
                Err(_) => Err(bad(
                    part,
                    "write for example 127.0.0.1 or 10.0.0.0/8; names are not looked up".into(),
                )),
            },
        };
        text.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty()).map(network).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_whole_and_of_their_scheme() {
        for good in ["https://idp.example", "https://idp.example:8443/a/b?c=d", "https://[::1]:1/"] {
            assert_eq!(HttpsAddress::parse(good), Ok(Some(good.to_owned())));
        }
        for bad in [
            "http://idp.example",
            "https://",
            "https:///a",
            "https://:1/",
            "https://a b",
            "https://a#b",
            "https://u@a/",
            "idp",
        ] {
            assert!(HttpsAddress::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            OwnAddress::parse("http://localhost:8787/sub/"),
            Ok(Some("http://localhost:8787/sub".into()))
        );
        for bad in ["https://a?b", "/sub", "ftp://a", "javascript:alert(1)"] {
            assert!(OwnAddress::parse(bad).is_err(), "{bad}");
        }
        for good in ["/login", "/", "https://a/b?c", "http://a"] {
            assert_eq!(WebTarget::parse(good), Ok(Some(good.to_owned())));
        }
        for bad in ["//a", r"/\a", "a", "javascript:alert(1)", "https://u:p@a", "/a b", "/ä"] {
            assert!(WebTarget::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_have_names_of_their_own() {
        assert_eq!(HeaderName::parse("X-RStudio-Username"), Ok("x-rstudio-username".into()));
        for bad in ["", "X_User", "X User", "Cookie", "authorization", "x:y", "ä"] {
            assert!(HeaderName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks_say_whether_a_machine_or_a_network_is_meant() {
        let read =
            |text| Networks::parse(text).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(
            read("127.0.0.1, 10.0.0.0/8 ::1"),
            Ok(vec!["127.0.0.1/32".into(), "10.0.0.0/8".into(), "::1/128".into()])
        );
        let hint = Networks::parse("10.0.0.7/8").expect_err("unclear").hint;
        assert_eq!(hint.as_deref(), Some("write 10.0.0.0/8 for the network or 10.0.0.7 for the machine"));
        for bad in ["proxy.example", "10.0.0.0/33", "10.0.0", "*"] {
            assert!(Networks::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_is_no_account_and_no_rule() {
        assert_eq!(OptionalAccount::parse(""), Ok(None));
        assert!(OptionalAccount::parse("-o").is_err());
        assert!(RewriteRule::parse("(").is_err() && RewriteRule::parse("").is_ok_and(|rule| rule.is_none()));
    }
}
