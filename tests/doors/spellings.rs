//! Ways to write a path that some reader takes for the same one.

/// Spellings of a shut door, each with its kind; none may open it.
pub(crate) fn of(path: &str) -> Vec<(&'static str, String)> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let (first, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let code = rest.bytes().next().unwrap_or(b'x');
    let inner = |text: &str| text.get(1..).unwrap_or_default().to_owned();
    let mut all = vec![
        ("encoded", format!("/%{code:02x}{}", inner(rest))),
        ("encoded", format!("/%{code:02X}{}", inner(rest))),
        ("encoded", format!("/%25{code:02x}{}", inner(rest))),
        ("encoded", format!("/%2f{rest}")),
        ("encoded", format!("/{rest}%2f")),
        ("encoded", format!("/{rest}%20")),
        ("encoded", format!("/{rest}%09")),
        ("encoded", format!("/{rest}%00")),
        ("encoded", format!("/{rest}%0d%0aX:%201")),
        ("encoded", format!("/%c0%af{rest}")),
        ("encoded", format!("/%ef%bc%8f{rest}")),
        ("encoded", format!("/{rest}%ff")),
        ("encoded", format!("/{rest}%zz")),
        ("encoded", format!("/{rest}%")),
        ("doubled slash", format!("//{rest}")),
        ("doubled slash", format!("///{rest}")),
        ("dot segments", format!("/./{rest}")),
        ("dot segments", format!("/x/../{rest}")),
        ("dot segments", format!("/static/%2e%2e/{rest}")),
        ("dot segments", format!("/%2E./{rest}")),
        ("dot segments", format!("/x/%2E%2e/{rest}")),
        ("dot segments", format!("/%2e/{rest}")),
        ("dot segments", format!("/{rest}/.")),
        ("dot segments", format!("/{rest}/x/..")),
        ("dot segments", format!("/..;/{rest}")),
        ("dot segments", format!("/x/..%2f{rest}")),
        ("dot segments", format!("/x/..%5c{rest}")),
        ("parameters", format!("/{rest};a=b")),
        ("parameters", format!("/;/{rest}")),
        ("parameters", format!("/;a/{rest}")),
        ("case", format!("/{}", rest.to_uppercase())),
    ];
    if !tail.is_empty() {
        all.extend([
            ("encoded", format!("/{first}%2f{tail}")),
            ("encoded", format!("/{first}%252f{tail}")),
            ("encoded", format!("/{first}%5c{tail}")),
            ("doubled slash", format!("/{first}//{tail}")),
            ("dot segments", format!("/{first}/./{tail}")),
            ("dot segments", format!("/{first}/x/../{tail}")),
            ("parameters", format!("/{first};/{tail}")),
        ]);
    }
    all.retain(|(_, spelt)| spelt != path);
    all
}

/// Headers in which other programs look for another method, address, person or reading of the body.
pub(crate) const DRESSES: [&[(&str, &str)]; 10] = [
    &[("x-http-method-override", "GET")],
    &[("x-http-method", "HEAD"), ("x-method-override", "OPTIONS")],
    &[("x-original-url", "/lab"), ("x-rewrite-url", "/lab")],
    &[("x-forwarded-prefix", "/"), ("x-forwarded-path", "/lab")],
    &[("x-rstudio-admin-loginasuser", "root"), ("authorization", "token x")],
    &[("x-forwarded-user", "root"), ("remote-user", "root"), ("x-portcullis-user", "root")],
    &[("range", "bytes=0-0")],
    &[("if-none-match", "*")],
    &[("content-type", "text/plain")],
    &[("content-encoding", "gzip")],
];

/// What other programs take out of a query.
pub(crate) const QUERIES: [&str; 3] = ["_method=GET", "token=x", "/../lab"];
