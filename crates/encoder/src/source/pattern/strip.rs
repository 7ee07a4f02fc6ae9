//! The frame's time for programs: 48 black and white cells.

/// The strip is this share of the picture's rows.
pub const STRIP_SHARE: usize = 20;
const CELLS: usize = 48;
const DATA_BITS: u32 = 42;
const CHECK_BITS: u32 = 6;
const CHECK_MASK: u64 = 0b10_1010;
const WHITE: u8 = 235;
const BLACK: u8 = 16;

/// Rows of the strip in a picture of `height`.
pub(super) const fn rows(height: usize) -> std::ops::Range<usize> {
    height - height / STRIP_SHARE..height
}

/// Draws `millis` into one row of `width` luma samples; every row of the strip is like it.
pub(super) fn draw_row(row: &mut [u8], millis: i64) {
    let code = code(millis as u64);
    let width = row.len();
    for cell in 0..CELLS {
        let bit = code >> (CELLS - 1 - cell) & 1;
        row[cell * width / CELLS..(cell + 1) * width / CELLS].fill(if bit == 1 { WHITE } else { BLACK });
    }
}

/// Reads the UTC milliseconds that the strip of a picture tells, from its luma plane. `None` where there is no strip, or
/// it is damaged.
pub fn read_strip(luma: &[u8], stride: usize, width: usize, height: usize) -> Option<i64> {
    let rows = rows(height);
    if width < CELLS * 2 || rows.is_empty() || width > stride || luma.len() < (height - 1) * stride + width {
        return None;
    }
    // The middle third of the rows, the middle half of each cell: away from what the encoder smears.
    let third = rows.len() / 3;
    let rows = rows.start + third..(rows.end - third).max(rows.start + third + 1);
    let mut code = 0_u64;
    for cell in 0..CELLS {
        let (left, right) = (cell * width / CELLS, (cell + 1) * width / CELLS);
        let quarter = (right - left) / 4;
        let columns = left + quarter..right - quarter;
        let (mut sum, mut count) = (0_usize, 0);
        for y in rows.clone() {
            sum += luma[y * stride..][columns.clone()].iter().map(|luma| usize::from(*luma)).sum::<usize>();
            count += columns.len();
        }
        code = code << 1 | u64::from(sum > count * 126);
    }
    let millis = code >> CHECK_BITS;
    (self::code(millis) == code).then_some(millis as i64)
}

fn code(millis: u64) -> u64 {
    let data = millis & ((1 << DATA_BITS) - 1);
    let groups = (0..DATA_BITS / CHECK_BITS).map(|group| data >> (group * CHECK_BITS) & 0x3F);
    data << CHECK_BITS | groups.fold(CHECK_MASK, |check, group| check ^ group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_is_read_and_damage_is_not() {
        for (width, height) in [(640, 360), (1_280, 720), (426, 240), (854, 480)] {
            let stride = width + 32;
            for millis in [0, 1, 1_795_219_200_123, (1 << 42) - 1] {
                let mut luma = vec![90_u8; stride * height];
                for y in rows(height) {
                    draw_row(&mut luma[y * stride..][..width], millis);
                }
                assert_eq!(read_strip(&luma, stride, width, height), Some(millis));
                let y = rows(height);
                for row in luma[y.start * stride..].chunks_mut(stride) {
                    row[..width / 48].iter_mut().for_each(|luma| *luma = 251 - *luma);
                }
                assert_eq!(read_strip(&luma, stride, width, height), None, "one cell is wrong");
            }
        }
        assert_eq!(read_strip(&[16; 640 * 360], 640, 640, 360), None, "all black");
        assert_eq!(read_strip(&[], 640, 640, 360), None);
    }
}
