//! Arguments for code-server.

use super::{Bad, Value};

/// Further arguments of code-server.
#[derive(Debug, Clone, Copy)]
pub struct CodeServerArgs;

/// Arguments of Workbench's own default: they are left out, because the session decides them.
pub fn upstream_code_server_default(arg: &str) -> bool {
    let name = arg.split('=').next().unwrap_or(arg);
    ["--host", "--port"].contains(&name)
}

/// Arguments that would open another door to the IDE, shut ours, or hide its files from the rules.
fn decided(arg: &str) -> bool {
    let name = arg.split('=').next().unwrap_or(arg).trim_start_matches('-').to_ascii_lowercase();
    [
        "abs-proxy-base-path",
        "auth",
        "bind-addr",
        "cert",
        "cert-host",
        "cert-key",
        "config",
        "cookie-suffix",
        "extensions-dir",
        "hashed-password",
        "idle-timeout-seconds",
        "open",
        "password",
        "proxy-domain",
        "skip-auth-preflight",
        "socket",
        "socket-fd",
        "socket-mode",
        "trusted-origins",
        "user-data-dir",
        "vscode-option",
    ]
    .contains(&name.as_str())
}

impl Value for CodeServerArgs {
    type Out = Vec<String>;

    fn words() -> String {
        "arguments separated by spaces".into()
    }

    fn parse(text: &str) -> Result<Vec<String>, Bad> {
        let mut args = Vec::new();
        for arg in text.split_whitespace() {
            if decided(arg) {
                return Err(Bad::with(
                    format!("`{arg}` is decided by the session itself"),
                    "remove it: another value would open a door beside the proxy",
                ));
            }
            if !arg.starts_with("--") || arg.len() < 3 {
                return Err(Bad::with(
                    format!("`{arg}` is not an argument of the form `--name=value`"),
                    "values with spaces can't be given here",
                ));
            }
            if !upstream_code_server_default(arg) {
                args.push(arg.to_owned());
            }
        }
        Ok(args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_the_session_are_refused_and_upstreams_left_out() {
        let parsed = CodeServerArgs::parse("--host=0.0.0.0 --locale=de  --verbose").ok();
        assert_eq!(parsed, Some(vec!["--locale=de".to_owned(), "--verbose".to_owned()]));
        for bad in
            ["--auth=none", "--SOCKET=/x", "--user-data-dir=/x", "/etc", "-e", "--", "--vscode-option=x"]
        {
            assert!(CodeServerArgs::parse(bad).is_err(), "{bad}");
        }
    }
}
