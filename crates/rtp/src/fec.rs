//! Forward error correction (SMPTE ST 2022-1, after RFC 2733): media packets lie in a matrix, L columns wide and D rows
//! high, row after row. The XOR of a column's packets goes to the media's port + 2, that of a row's to port + 4; of any
//! column or row that lacks one packet, that packet can be told.

mod generator;
mod packet;
mod recovery;
mod sum;

pub use generator::{Generator, Protection, Rows};
pub use packet::{FecHeader, FecPacket};
pub use recovery::FecStatistics;
pub(crate) use recovery::Recovery;

use crate::limits::{MAX_COLUMNS, MAX_MATRIX, MAX_ROWS, MIN_ROWS};

/// What a correction packet protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A column: it outlasts bursts of up to L packets.
    Column,
    /// A row.
    Row,
}

impl Direction {
    /// How far its port is above the media's.
    pub const fn port_offset(self) -> u16 {
        match self {
            Direction::Column => 2,
            Direction::Row => 4,
        }
    }
}

/// A matrix the standard allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    columns: u8,
    rows: u8,
}

impl Matrix {
    /// `columns` (L) 1 to 20, `rows` (D) 4 to 20, together at most 100 packets; `None` for others.
    pub fn new(columns: u8, rows: u8) -> Option<Matrix> {
        let allowed = (1..=MAX_COLUMNS).contains(&columns)
            && (MIN_ROWS..=MAX_ROWS).contains(&rows)
            && u16::from(columns) * u16::from(rows) <= MAX_MATRIX;
        allowed.then_some(Matrix { columns, rows })
    }

    /// L.
    pub const fn columns(self) -> u8 {
        self.columns
    }

    /// D.
    pub const fn rows(self) -> u8 {
        self.rows
    }
}
