//! An id as what it changes in the middle of the one before.

/// No id is longer than this, in bytes: documents of Items are bounded too.
pub(super) const MAX_ID_BYTES: usize = 1 << 24;

/// What makes `next` of `before`: bytes to keep in front, bytes to keep at the end, bytes to put between.
pub(super) fn write_change(before: &[u8], next: &[u8], data: &mut Vec<u8>) {
    let front = before.iter().zip(next).take_while(|(a, b)| a == b).count();
    let (rest, next) = (&before[front..], &next[front..]);
    let back = rest.iter().rev().zip(next.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = &next[..next.len() - back];
    write_length(front, data);
    // Both in a byte where they fit, three bits and five: most do.
    let (few, short) = (back.min(7), middle.len().min(31));
    data.push(low_byte(few << 5 | short));
    if few == 7 {
        write_length(back - 7, data);
    }
    if short == 31 {
        write_length(middle.len() - 31, data);
    }
    data.extend_from_slice(middle);
}

fn write_length(mut length: usize, data: &mut Vec<u8>) {
    while length >= 0x80 {
        data.push(0x80 | low_byte(length));
        length >>= 7;
    }
    data.push(low_byte(length));
}

#[expect(clippy::cast_possible_truncation, reason = "the low byte is meant")]
fn low_byte(number: usize) -> u8 {
    number as u8
}

/// Makes the id before into the next one, and gives what follows it in `data`; `None` when the bytes are damaged.
pub(super) fn read_change<'a>(data: &'a [u8], id: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (front, data) = read_length(data)?;
    let (both, data) = data.split_first()?;
    let (back, data) = match both >> 5 {
        7 => read_length(data).map(|(more, data)| (7 + more, data))?,
        few => (usize::from(few), data),
    };
    let (len, data) = match both & 31 {
        31 => read_length(data).map(|(more, data)| (31 + more, data))?,
        short => (usize::from(short), data),
    };
    let (middle, data) = data.split_at_checked(len)?;
    let end = id.len().checked_sub(back)?;
    if front > end || front + back + len > MAX_ID_BYTES {
        return None;
    }
    if end - front == len {
        id[front..end].copy_from_slice(middle);
    } else {
        id.splice(front..end, middle.iter().copied());
    }
    Some(data)
}

fn read_length(data: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    for (place, byte) in data.iter().enumerate().take(4) {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((length, &data[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_their_ends() {
        let [a, b] = ["S2B_20241203_T13TDE_L2A", "S2B_20241203_T13TEE_L2A"];
        let mut data = Vec::new();
        write_change(a.as_bytes(), b.as_bytes(), &mut data);
        assert_eq!(data.len(), 3, "what is kept in front; what is kept behind and the middle's length; `E`");
        let mut id = a.as_bytes().to_vec();
        assert_eq!(read_change(&data, &mut id), Some(&[][..]));
        assert_eq!(id, b.as_bytes());
    }

    #[test]
    fn damaged_changes_are_refused() {
        for data in
            [&[][..], &[1], &[0, 0x20], &[0, 2, b'a'], &[9, 0], &[0, 31], &[0xff, 0xff, 0xff, 0xff, 0]]
        {
            assert_eq!(read_change(data, &mut Vec::new()), None, "{data:?}");
        }
    }
}
