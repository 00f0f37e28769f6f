//! Addresses of sockets, as a record holds them: the bytes of a `sockaddr`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest path of a Unix socket.
const PATH_MAX: usize = 108;

/// In words (`127.0.0.1:80`, `unix:/run/x`), and whether it is one of the Internet's.
pub fn address(bytes: &[u8]) -> Option<(String, bool)> {
    let family = i32::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
    let port = || Some(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?));
    match family {
        libc::AF_INET => {
            let ip: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some((SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), port()?).to_string(), true))
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            Some((SocketAddr::new(IpAddr::V6(Ipv6Addr::from(ip)), port()?).to_string(), true))
        }
        libc::AF_UNIX => {
            let path = &bytes[2..bytes.len().min(2 + PATH_MAX)];
            // An abstract name begins with a zero byte, and the rest of it counts; a path ends at one.
            let (mark, path) = match path.strip_prefix(&[0]) {
                Some(name) => ("@", name),
                None => ("", path.split(|&byte| byte == 0).next().unwrap_or_default()),
            };
            let path = String::from_utf8_lossy(path);
            Some((format!("unix:{mark}{}", path.trim_end_matches('\0')), false))
        }
        other => Some((format!("family {other}"), false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_and_halves_are_none() {
        let inet = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0];
        assert_eq!(address(&inet), Some(("127.0.0.1:80".into(), true)));
        let mut six = vec![10, 0, 1, 187, 0, 0, 0, 0];
        six.extend(Ipv6Addr::LOCALHOST.octets());
        assert_eq!(address(&six), Some(("[::1]:443".into(), true)));
        assert_eq!(address(b"\x01\0/run/x\0junk"), Some(("unix:/run/x".into(), false)));
        assert_eq!(address(b"\x01\0\0name"), Some(("unix:@name".into(), false)));
        assert_eq!(address(&[40, 0, 1]), Some(("family 40".into(), false)));
        for length in 0..8 {
            assert_eq!(address(&inet[..length]), None, "{length}");
        }
    }
}
