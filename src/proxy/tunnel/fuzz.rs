//! Frames taken apart and put together, for the fuzz targets alone.

use super::reframe::Reframe;
use super::unframe::{Unframe, Unit, Violation};

type Taken = (Vec<(Unit, Vec<u8>)>, Option<Violation>);

/// Messages and control frames of a stream, in order; data of one message as one.
fn take(stream: &[u8], masked: bool, width: usize) -> Taken {
    let (mut unframe, mut units) = (Unframe::new(masked), Vec::new());
    let mut message = Vec::new();
    for mut bytes in stream.chunks(width) {
        loop {
            let mut piece = Vec::new();
            match unframe.next(&mut bytes, &mut piece) {
                Ok(None) => {
                    message.extend(piece);
                    break;
                }
                Ok(Some(Unit::Data { kind, last })) => {
                    message.extend(piece);
                    if last {
                        units.push((Unit::Data { kind, last }, std::mem::take(&mut message)));
                    }
                }
                Ok(Some(control)) => units.push((control, piece)),
                Err(violation) => return (units, Some(violation)),
            }
        }
    }
    (units, None)
}

/// What is put together again is taken apart to the same messages.
pub(crate) fn unframe(stream: &[u8], masked: bool) {
    let whole = take(stream, masked, stream.len().max(1));
    assert_eq!(whole, take(stream, masked, 1), "it depends on how the stream is cut");
    let (mut out, mut reframe) = (Vec::new(), Reframe::new(masked));
    for (unit, payload) in &whole.0 {
        match unit {
            Unit::Data { kind, .. } => {
                // In two fragments, as an inspector's pieces go on.
                let (first, second) = payload.split_at(payload.len() / 2);
                reframe.data(&mut out, *kind, false, first);
                reframe.data(&mut out, *kind, true, second);
            }
            Unit::Control { opcode } => reframe.control(&mut out, *opcode, payload),
        }
    }
    assert_eq!(take(&out, masked, out.len().max(1)), (whole.0, None), "something else was put together");
}
