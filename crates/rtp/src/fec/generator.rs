//! Correction packets for a stream that is sent.

use bytes::Bytes;

use crate::fec::sum::Sum;
use crate::fec::{Direction, FecHeader, Matrix};
use crate::packet::Packet;

/// Makes the correction packets of a stream: block after block, each column's while the next block is sent, so that a
/// burst does not take it with what it protects.
#[derive(Debug)]
pub struct Generator {
    matrix: Matrix,
    rows: Rows,
    /// Packets of the open block.
    filled: usize,
    /// The sequence number the open block goes on with; another one begins a new block.
    expected: Option<u16>,
    row: Sum,
    columns: Vec<Sum>,
    /// Of the block before, with its columns' first sequence numbers; sent from the first on.
    finished: Vec<(u16, Sum)>,
    sent: usize,
    sequences: [u16; 2],
}

/// Whether rows are protected too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Columns only.
    Bare,
    /// Columns and rows.
    Protected,
}

/// A correction packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// Says which port it goes to: [`Direction::port_offset`].
    pub direction: Direction,
    /// The datagram.
    pub datagram: Bytes,
}

impl Generator {
    /// For a stream not yet begun.
    pub fn new(matrix: Matrix, rows: Rows) -> Generator {
        let columns = vec![Sum::default(); matrix.columns().into()];
        Generator {
            matrix,
            rows,
            filled: 0,
            expected: None,
            row: Sum::default(),
            columns,
            finished: Vec::new(),
            sent: 0,
            sequences: [0; 2],
        }
    }

    /// Takes the packet sent last, and puts what is to be sent right after it into `out`: at most one column and one row.
    pub fn push(&mut self, packet: &Packet<'_>, datagram: &[u8], out: &mut Vec<Protection>) {
        let sequence = packet.header.sequence;
        if self.expected != Some(sequence) {
            self.begin();
            self.finished.clear();
        }
        self.expected = Some(sequence.wrapping_add(1));
        let (width, height) = (usize::from(self.matrix.columns()), usize::from(self.matrix.rows()));
        self.columns[self.filled % width].add(datagram);
        self.row.add(datagram);
        if self.filled.is_multiple_of(height)
            && let Some((base, sum)) = self.finished.get_mut(self.sent)
        {
            let (base, sum) = (*base, std::mem::take(sum));
            self.sent += 1;
            out.push(self.protection(Direction::Column, base, &sum, packet.header.timestamp));
        }
        self.filled += 1;
        if self.filled.is_multiple_of(width) {
            let row = std::mem::take(&mut self.row);
            if self.rows == Rows::Protected {
                let base = sequence.wrapping_sub(width as u16 - 1);
                out.push(self.protection(Direction::Row, base, &row, packet.header.timestamp));
            }
        }
        if self.filled == width * height {
            let first = sequence.wrapping_sub((width * height) as u16 - 1);
            let sums = self.columns.iter_mut().map(std::mem::take);
            self.finished =
                sums.enumerate().map(|(column, sum)| (first.wrapping_add(column as u16), sum)).collect();
            self.begin();
        }
    }

    fn begin(&mut self) {
        self.filled = 0;
        self.sent = 0;
        self.row = Sum::default();
        self.columns.fill(Sum::default());
    }

    fn protection(&mut self, direction: Direction, base: u16, sum: &Sum, now: u32) -> Protection {
        let (offset, packets) = match direction {
            Direction::Column => (self.matrix.columns(), self.matrix.rows()),
            Direction::Row => (1, self.matrix.columns()),
        };
        let like = FecHeader { direction, base, offset, packets, flags: 0, kind: 0, timestamp: 0, length: 0 };
        let (header, body) = sum.header(like);
        let sequence = &mut self.sequences[usize::from(direction == Direction::Row)];
        let datagram = header.packet(*sequence, now, body).into();
        *sequence = sequence.wrapping_add(1);
        Protection { direction, datagram }
    }
}
