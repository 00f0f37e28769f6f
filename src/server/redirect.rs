//! Port 80 beside TLS: sends browsers to the same address by https, and does nothing else.

use http::header::{HOST, HeaderValue, LOCATION};
use http::{Request, Response, StatusCode};
use portcullis_proxy::{Body, ConnInfo, Incoming};

use crate::gate::authority;

/// Answers one request.
pub(crate) async fn redirect(request: Request<Incoming>, _: &ConnInfo<()>) -> Response<Body> {
    let host = authority(request.headers()).filter(|_| request.headers().contains_key(HOST));
    let place =
        host.map(|host| place(host, request.uri().path_and_query().map_or("/", |path| path.as_str())));
    let mut response = Response::new(Body::empty());
    match place.and_then(|place| HeaderValue::from_str(&place).ok()) {
        Some(place) => {
            // 308: the method stays, so that a program's POST doesn't turn into a GET.
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            response.headers_mut().insert(LOCATION, place);
        }
        None => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}

/// The redirect listener exists only where TLS is on port 443, which browsers add by themselves.
fn place(host: &str, path: &str) -> String {
    let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = port.map_or(host, |(name, _)| name);
    format!("https://{name}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_goes_and_the_path_stays() {
        assert_eq!(place("ide.test:80", "/a?b=c"), "https://ide.test/a?b=c");
        assert_eq!(place("ide.test", "//evil.test"), "https://ide.test//evil.test");
        assert_eq!(place("[::1]:80", "/"), "https://[::1]/");
        assert_eq!(place("[::1]", "/"), "https://[::1]/");
    }
}
