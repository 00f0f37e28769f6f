//! Addresses of files as the editor sends them, and which folders are the editor's own.
//!
//! Only an address that the server reads in exactly one way is a place: it takes the path from other members for other schemes,
//! follows a query for one path, and takes a drive letter for a relative path. All that is refused where it would matter.

use serde_json::Value;

use crate::PathClaim;
use crate::path::normalise;

/// Folder of the editor's own data, below the home.
pub(crate) const DATA: &str = ".local/share/code-server";
/// Folder of the person's extensions, below the home.
pub(crate) const EXTENSIONS: &str = ".local/share/code-server/extensions";
/// Where programs are installed that people can't write to.
const SYSTEM: [&str; 2] = ["usr/", "opt/"];
/// Where the program keeps its own extensions.
const BUILT_IN: &str = "/lib/vscode/extensions/";

/// A file or folder, absolute, without empty, `.` and `..` segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place(String);

impl Place {
    /// From an address in JSON.
    pub(super) fn of_address(json: &[u8]) -> Result<Self, &'static str> {
        let address: Value = serde_json::from_slice(json).map_err(|_| "it is no JSON")?;
        let text = |name: &str| match &address[name] {
            Value::String(text) => Ok(text.as_str()),
            Value::Null => Ok(""),
            _ => Err("a member of it is no text"),
        };
        if !matches!(text("scheme")?, "vscode-remote" | "file") {
            return Err("it is not one of this server's files");
        }
        let path = text("path")?;
        if path == "/vscode-resource" && !text("query")?.is_empty() {
            return Err("it names another file in its query");
        }
        Self::of_path(path)
    }

    /// From a path.
    pub(super) fn of_path(path: &str) -> Result<Self, &'static str> {
        let Some(rest) = path.strip_prefix('/') else { return Err("it is not absolute") };
        let mut start = rest.bytes();
        if start.next().is_some_and(|byte| byte.is_ascii_alphabetic()) && start.next() == Some(b':') {
            return Err("it starts with a drive");
        }
        normalise(path).map(Self).map_err(|why| why.0)
    }

    /// As the audit log names it.
    pub(super) fn shown(&self) -> String {
        format!("/{}", self.0)
    }

    /// To be resolved by the session.
    pub(super) fn claim(&self) -> PathClaim {
        PathClaim { tail: self.0.clone(), absolute: true }
    }

    /// Whether it is a folder or below it; both without a slash at their ends.
    fn is_below(&self, folder: &str) -> bool {
        let folder = folder.trim_matches('/');
        self.0.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether it belongs to the program as it was installed: nothing of the person's can be there.
    pub(super) fn is_installed(&self) -> bool {
        SYSTEM.iter().any(|root| self.0.starts_with(root)) && self.0.contains(BUILT_IN)
    }

    /// Whether it belongs to an extension, wherever the program was installed.
    pub(super) fn is_extension(&self) -> bool {
        self.0.contains(BUILT_IN) || self.0.contains(&format!("/{EXTENSIONS}/"))
    }

    /// Whether it is the editor's own: its settings, state, logs and extensions.
    pub(super) fn is_own(&self, home: &str) -> bool {
        self.is_below(&format!("{}/{DATA}", home.trim_end_matches('/'))) || self.is_extension()
    }

    /// Whether the editor reads it as settings of a folder or a workspace, by itself.
    pub(super) fn is_settings(&self) -> bool {
        let (folders, name) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        name == ".mcp.json"
            || name.ends_with(".code-workspace")
            || folders.split('/').any(|part| matches!(part, ".vscode" | ".claude"))
            || folders.ends_with("/.github/copilot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(json: &str) -> Result<String, &'static str> {
        Place::of_address(json.as_bytes()).map(|place| place.shown())
    }

    #[test]
    fn an_address_has_one_reading() {
        assert_eq!(
            address(r#"{"$mid":1,"path":"/home/a//b/./c","scheme":"vscode-remote","authority":"x"}"#),
            Ok("/home/a/b/c".to_owned())
        );
        // Of these two schemes the server takes nothing but the path.
        assert!(address(r#"{"path":"/a","fsPath":"/etc/passwd","scheme":"vscode-remote"}"#).is_ok());
        for bad in [
            r#"{"path":"/a","fsPath":"/etc/passwd","scheme":"other"}"#,
            r#"{"path":"/a","fsPath":"/etc/passwd"}"#,
            r#"{"path":"/a","scheme":"FILE"}"#,
            r#"{"path":"a","scheme":"file"}"#,
            r#"{"path":"","scheme":"file"}"#,
            r#"{"path":"/a/../b","scheme":"file"}"#,
            r#"{"path":"/c:/x","scheme":"file"}"#,
            r#"{"path":"/a\u0000","scheme":"file"}"#,
            r#"{"path":["/a"],"scheme":"file"}"#,
            r#"{"path":"/vscode-resource","query":"{}","scheme":"vscode-remote"}"#,
            r#"["/a"]"#,
            r#""/a""#,
            "null",
            "",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_are_compared_by_their_parts() {
        let place = |path: &str| Place::of_path(path).expect("a path");
        assert!(place("/home/a/.local/share/code-server/User/x").is_own("/home/a"));
        assert!(!place("/home/a/.local/share/code-server2/x").is_own("/home/a"));
        assert!(!place("/home/ab/.local/share/code-server").is_own("/home/a"));
        assert!(place("/usr/lib/code-server/lib/vscode/extensions/t/x.json").is_installed());
        assert!(!place("/usr/lib/code-server/lib/vscode/extensionsx").is_installed());
        assert!(!place("/home/a/lib/vscode/extensions/x").is_installed());
        assert!(!place("/usrx/lib/vscode/extensions/x").is_installed());
        for settings in
            ["/w/.vscode/settings.json", "/w/.github/copilot/x.json", "/w/.mcp.json", "/a.code-workspace"]
        {
            assert!(place(settings).is_settings(), "{settings}");
        }
        for other in ["/w/.vscode", "/w/x.vscode/a", "/w/copilot/x", "/w/.github/x", "/w/a.mcp.json"] {
            assert!(!place(other).is_settings(), "{other}");
        }
    }
}
