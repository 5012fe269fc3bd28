//! A JPEG stream's segments → tables, frame and scan (ITU T.81, annex B).

use super::huffman::Huffman;

/// Where the coefficients of the stream's order lie in a block.
pub(super) const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// What streams define before a scan; later definitions replace earlier ones.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// Factors in the order of a block's rows.
    pub(super) quantization: [Option<[u16; 64]>; 4],
    pub(super) dc: [Option<Huffman>; 4],
    pub(super) ac: [Option<Huffman>; 4],
    /// MCUs between restarts; 0 without any.
    pub(super) restart_interval: usize,
}

/// The image of a stream, with its only scan.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: Vec<Component>,
    /// The largest factors of all components.
    pub(super) most_across: usize,
    pub(super) most_down: usize,
}

/// One component: its blocks in an MCU, and the numbers of its tables.
#[derive(Debug)]
pub(super) struct Component {
    id: u8,
    /// Blocks of an MCU side by side, 1 to 4.
    pub(super) across: usize,
    /// Blocks of an MCU one below the other, 1 to 4.
    pub(super) down: usize,
    pub(super) quantization: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

impl Frame {
    /// From the segment of a sequential frame.
    fn read(segment: &[u8]) -> Result<Self, String> {
        let [8, h1, h0, w1, w0, count, parts @ ..] = segment else {
            return Err("expected a frame of 8 bits".to_owned());
        };
        let (height, width) = (u16::from_be_bytes([*h1, *h0]), u16::from_be_bytes([*w1, *w0]));
        let parts = parts.as_chunks::<3>().0.get(..usize::from(*count)).unwrap_or_default();
        if width == 0 || height == 0 || !(1..=4).contains(&parts.len()) {
            return Err(format!("found a frame of {width} x {height} pixels of {count} components"));
        }
        let mut components = Vec::with_capacity(parts.len());
        for &[id, factors, quantization] in parts {
            // Without others, a component's factors mean nothing.
            let factors = if parts.len() == 1 { 0x11 } else { factors };
            let (across, down) = (usize::from(factors >> 4), usize::from(factors & 15));
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
                return Err(format!("expected sampling factors from 1 to 4, found {across} x {down}"));
            }
            let quantization = usize::from(quantization);
            components.push(Component { id, across, down, quantization, dc: 0, ac: 0 });
        }
        let most = |of: fn(&Component) -> usize| components.iter().map(of).max().unwrap_or(1);
        let (most_across, most_down) = (most(|part| part.across), most(|part| part.down));
        Ok(Self { width: width.into(), height: height.into(), components, most_across, most_down })
    }

    /// Pixels of an MCU, in rows.
    pub(super) fn mcu_height(&self) -> usize {
        8 * self.most_down
    }

    /// MCUs side by side.
    pub(super) fn mcus_across(&self) -> usize {
        self.width.div_ceil(8 * self.most_across)
    }
}

impl Component {
    /// Bytes of a row of its plane, with padding to whole MCUs.
    pub(super) fn stride(&self, frame: &Frame) -> usize {
        frame.mcus_across() * 8 * self.across
    }

    /// Rows of its plane in some rows of MCUs.
    pub(super) fn rows(&self, mcu_rows: usize) -> usize {
        mcu_rows * 8 * self.down
    }

    /// Columns of the plane that are no padding.
    pub(super) fn width(&self, frame: &Frame) -> usize {
        (frame.width * self.across).div_ceil(frame.most_across)
    }

    /// Rows of the whole plane that are no padding.
    pub(super) fn height(&self, frame: &Frame) -> usize {
        (frame.height * self.down).div_ceil(frame.most_down)
    }
}

impl Tables {
    /// Reads segments up to the first scan; gives its frame and the bytes behind it, nothing if the stream ends before.
    pub(super) fn read<'a>(&mut self, stream: &'a [u8]) -> Result<Option<(Frame, &'a [u8])>, String> {
        let mut rest = stream.strip_prefix(&[0xff, 0xd8]).ok_or("expected the marker SOI")?;
        let mut frame = None;
        loop {
            // Any number of 0xff fills the room before a marker.
            let [0xff, marker, after @ ..] = rest else {
                return if rest.is_empty() { Ok(None) } else { Err("expected a marker".to_owned()) };
            };
            rest = match marker {
                0xff => rest.get(1..).unwrap_or_default(),
                0x01 | 0xd0..=0xd8 => after,
                0xd9 => return Ok(None),
                marker => {
                    let (segment, after) = segment(after).ok_or("a segment goes beyond the end")?;
                    match marker {
                        0xc0 | 0xc1 => frame = Some(Frame::read(segment)?),
                        0xc4 => self.huffman(segment)?,
                        0xc2 | 0xc3 | 0xc5..=0xcf => {
                            let what = "expected sequential Huffman coding";
                            return Err(format!("{what}, found the frame type {marker:#04x}"));
                        }
                        0xda => {
                            let mut frame = frame.ok_or("a scan comes before its frame")?;
                            scan(&mut frame, segment)?;
                            return Ok(Some((frame, after)));
                        }
                        0xdb => self.quantization(segment)?,
                        0xdd => self.restart_interval = usize::from(number(segment).unwrap_or(0)),
                        // Comments and what applications say.
                        _ => {}
                    }
                    after
                }
            };
        }
    }

    fn quantization(&mut self, mut segment: &[u8]) -> Result<(), String> {
        while let [head, rest @ ..] = segment {
            let size = if head >> 4 == 0 { 1 } else { 2 };
            let (values, rest) = rest.split_at_checked(64 * size).ok_or("a quantization table is cut off")?;
            let slot = self.quantization.get_mut(usize::from(head & 15));
            let table = slot.ok_or("no such quantization table")?.insert([0; 64]);
            for (value, at) in values.chunks_exact(size).zip(ZIGZAG) {
                table[at] = value.iter().fold(0, |number, byte| (number << 8) | u16::from(*byte));
            }
            segment = rest;
        }
        Ok(())
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Result<(), String> {
        while let [head, rest @ ..] = segment {
            let (counts, rest) = rest.split_first_chunk().ok_or("a Huffman table is cut off")?;
            let values = counts.iter().map(|count| usize::from(*count)).sum();
            let (values, rest) = rest.split_at_checked(values).ok_or("a Huffman table is cut off")?;
            let kind = if head >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            let slot = kind.get_mut(usize::from(head & 15)).ok_or("no such Huffman table")?;
            *slot = Some(Huffman::new(counts, values)?);
            segment = rest;
        }
        Ok(())
    }
}

/// The numbers of a scan's Huffman tables.
fn scan(frame: &mut Frame, segment: &[u8]) -> Result<(), String> {
    let [count, parts @ ..] = segment else { return Err("a scan's header is cut off".to_owned()) };
    if usize::from(*count) != frame.components.len() {
        return Err(format!("expected one scan of {} components, found {count}", frame.components.len()));
    }
    let parts = parts.as_chunks::<2>().0.iter().take(frame.components.len());
    let mut known = 0;
    for ([id, tables], component) in parts.zip(&mut frame.components) {
        if *id != component.id {
            return Err(format!("expected component {}, found {id}", component.id));
        }
        (component.dc, component.ac) = (usize::from(tables >> 4), usize::from(tables & 15));
        known += 1;
    }
    if known < frame.components.len() { Err("a scan's header is cut off".to_owned()) } else { Ok(()) }
}

/// A segment's bytes without its length, and what follows it.
fn segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (segment, after) = bytes.split_at_checked(number(bytes)?.into())?;
    Some((segment.get(2..)?, after))
}

fn number(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}
