//! CBOR: the RFC's examples that are ours, and each refusal by its name.

use crate::passkey::cbor::{BYTES_MAX, CborError, DEPTH_MAX, ITEMS_MAX, Value, read, read_whole, write};

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("a digit"))
        .collect()
}

/// RFC 8949, appendix A, the rows that an authenticator may write.
#[test]
fn the_rfcs_examples() {
    let text = |text| Value::Text(text);
    let number = Value::number;
    for (hex, value) in [
        ("00", number(0)),
        ("01", number(1)),
        ("0a", number(10)),
        ("17", number(23)),
        ("1818", number(24)),
        ("1864", number(100)),
        ("1903e8", number(1000)),
        ("1a000f4240", number(1_000_000)),
        ("1b000000e8d4a51000", number(1_000_000_000_000)),
        ("1bffffffffffffffff", Value::Unsigned(u64::MAX)),
        ("3bffffffffffffffff", Value::Negative(u64::MAX)),
        ("20", number(-1)),
        ("29", number(-10)),
        ("3863", number(-100)),
        ("3903e7", number(-1000)),
        ("3b7fffffffffffffff", number(i64::MIN)),
        ("f4", Value::Bool(false)),
        ("f5", Value::Bool(true)),
        ("f6", Value::Null),
        ("40", Value::Bytes(b"")),
        ("4401020304", Value::Bytes(&[1, 2, 3, 4])),
        ("60", text("")),
        ("6449455446", text("IETF")),
        ("62c3bc", text("ü")),
        ("80", Value::Array(Vec::new())),
        ("83010203", Value::Array(vec![number(1), number(2), number(3)])),
        ("a0", Value::Map(Vec::new())),
        ("a201020304", Value::Map(vec![(number(1), number(2)), (number(3), number(4))])),
        ("826161a161626163", Value::Array(vec![text("a"), Value::Map(vec![(text("b"), text("c"))])])),
    ] {
        let bytes = bytes(hex);
        assert_eq!(read_whole(&bytes), Ok(value.clone()), "{hex}");
        assert_eq!(write(&value), bytes, "{hex}");
    }
}

#[test]
fn what_authenticators_do_not_write_is_refused_by_its_name() {
    for (hex, error) in [
        ("", CborError::Truncated),
        ("18", CborError::Truncated),
        ("1b00000001000000", CborError::Truncated),
        ("4401", CborError::Truncated),
        ("5bffffffffffffffff", CborError::Truncated),
        ("9bffffffffffffffff", CborError::Truncated),
        ("bbffffffffffffffff", CborError::Truncated),
        ("a101", CborError::Truncated),
        ("1817", CborError::NotShortest),
        ("1900ff", CborError::NotShortest),
        ("1a0000ffff", CborError::NotShortest),
        ("1b00000000ffffffff", CborError::NotShortest),
        ("580101", CborError::NotShortest),
        ("3800", CborError::NotShortest),
        ("5f4101ff", CborError::Indefinite),
        ("7f6161ff", CborError::Indefinite),
        ("9fff", CborError::Indefinite),
        ("bfff", CborError::Indefinite),
        ("1c", CborError::Unsupported(0x1c)),
        ("c000", CborError::Unsupported(0xc0)),
        ("d9d9f700", CborError::Unsupported(0xd9)),
        ("f7", CborError::Unsupported(0xf7)),
        ("f0", CborError::Unsupported(0xf0)),
        ("f8ff", CborError::Unsupported(0xf8)),
        ("f97e00", CborError::Unsupported(0xf9)),
        ("fb7ff0000000000000", CborError::Unsupported(0xfb)),
        ("ff", CborError::Unsupported(0xff)),
        ("61ff", CborError::Utf8),
        ("63eda080", CborError::Utf8),
        ("a201020102", CborError::Duplicate),
        ("a2616101616102", CborError::Duplicate),
        ("0000", CborError::Trailing(1)),
    ] {
        assert_eq!(read_whole(&bytes(hex)), Err(error), "{hex}");
    }
}

#[test]
fn depth_items_and_length_have_limits() {
    let depth = usize::try_from(DEPTH_MAX).expect("a count");
    let nested = |depth: usize| [vec![0x81; depth], vec![0]].concat();
    assert!(read_whole(&nested(depth)).is_ok());
    assert_eq!(read_whole(&nested(depth + 1)), Err(CborError::Depth));
    assert_eq!(read_whole(&vec![0x81; BYTES_MAX]), Err(CborError::Depth));
    assert_eq!(read_whole(&vec![0xa1; BYTES_MAX]), Err(CborError::Depth));
    let items = usize::try_from(ITEMS_MAX).expect("a count");
    let list = |count: usize| write(&Value::Array(vec![Value::Null; count]));
    assert!(read_whole(&list(items - 1)).is_ok(), "and the list itself");
    assert_eq!(read_whole(&list(items)), Err(CborError::Items));
    let long = |count: usize| write(&Value::Bytes(&vec![0; count]));
    assert!(read_whole(&long(BYTES_MAX - 3)).is_ok());
    assert_eq!(read_whole(&long(BYTES_MAX - 2)), Err(CborError::TooLong(BYTES_MAX + 1)));
    assert_eq!(read(&[0; BYTES_MAX + 1]).map(|_| ()), Err(CborError::TooLong(BYTES_MAX + 1)));
}

#[test]
fn a_value_ends_where_it_ends() {
    assert_eq!(read(b"\x01\x02"), Ok((Value::number(1), &b"\x02"[..])));
    let map = Value::Map(vec![(Value::number(-1), Value::Text("x"))]);
    assert_eq!(map.at(&Value::number(-1)).and_then(Value::text), Some("x"));
    assert_eq!((map.at(&Value::number(1)), Value::Null.at(&Value::Null)), (None, None));
}
