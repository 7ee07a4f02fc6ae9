//! What a value is counted in.

use std::fmt;
use std::str::FromStr;

macro_rules! units {
    ($($variant:ident $name:literal,)*) => {
        /// What a value is counted in. Values of different units are different series.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)]
        pub enum Unit { $($variant,)* #[default] None }

        impl Unit {
            /// All of them, each at the place of its [`Unit::number`].
            pub const ALL: &[Unit] = &[$(Unit::$variant,)* Unit::None];

            /// As the API spells it.
            pub fn as_str(self) -> &'static str {
                match self { $(Unit::$variant => $name,)* Unit::None => "None" }
            }
        }
    };
}

// The order is that of numbers in files: new ones would go before `None` only with a new form of file.
units! {
    Seconds "Seconds", Microseconds "Microseconds", Milliseconds "Milliseconds",
    Bytes "Bytes", Kilobytes "Kilobytes", Megabytes "Megabytes", Gigabytes "Gigabytes", Terabytes "Terabytes",
    Bits "Bits", Kilobits "Kilobits", Megabits "Megabits", Gigabits "Gigabits", Terabits "Terabits",
    Percent "Percent", Count "Count",
    BytesPerSecond "Bytes/Second", KilobytesPerSecond "Kilobytes/Second", MegabytesPerSecond "Megabytes/Second",
    GigabytesPerSecond "Gigabytes/Second", TerabytesPerSecond "Terabytes/Second",
    BitsPerSecond "Bits/Second", KilobitsPerSecond "Kilobits/Second", MegabitsPerSecond "Megabits/Second",
    GigabitsPerSecond "Gigabits/Second", TerabitsPerSecond "Terabits/Second", CountPerSecond "Count/Second",
}

/// There is no unit of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no unit `{0}`")]
pub struct UnknownUnit(pub String);

impl Unit {
    /// A number for files.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The unit of a number in a file.
    pub fn of_number(number: u8) -> Option<Unit> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(text: &str) -> Result<Unit, UnknownUnit> {
        let found = Unit::ALL.iter().find(|unit| unit.as_str() == text);
        found.copied().ok_or_else(|| UnknownUnit(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_found_by_its_name_and_by_its_number() {
        assert_eq!(Unit::ALL.len(), 27);
        for &unit in Unit::ALL {
            assert_eq!(unit.as_str().parse(), Ok(unit));
            assert_eq!(Unit::of_number(unit.number()), Some(unit));
        }
        assert_eq!("bytes".parse::<Unit>(), Err(UnknownUnit("bytes".to_owned())));
        assert_eq!(Unit::of_number(27), None);
    }
}
