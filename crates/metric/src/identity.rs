//! Which metric: a namespace, a name, and dimensions.

/// Most dimensions of a metric.
pub const MAX_DIMENSIONS: usize = 30;
/// Longest namespace, metric name and dimension name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// Longest value of a dimension, in bytes.
pub const MAX_VALUE_BYTES: usize = 1024;

/// One name and value by which metrics of the same name are told apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dimension {
    /// What is told apart, such as `ChannelId`.
    pub name: String,
    /// Which one it is.
    pub value: String,
}

/// A metric. Only valid ones exist; dimensions are a set, kept in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metric {
    namespace: String,
    name: String,
    dimensions: Vec<Dimension>,
}

/// Why there is no such metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricFault {
    /// The text is empty, too long or not printable ASCII.
    #[error("{what} must have 1 to {most} printable ASCII characters, not only blanks")]
    Text {
        /// The member at fault.
        what: &'static str,
        /// Most bytes it may have.
        most: usize,
    },
    /// It begins with a colon, which names are not allowed to.
    #[error("{what} must not begin with a colon")]
    Colon {
        /// The member at fault.
        what: &'static str,
    },
    /// Too many dimensions.
    #[error("a metric has at most {MAX_DIMENSIONS} dimensions, not {0}")]
    TooManyDimensions(usize),
    /// A dimension is there twice.
    #[error("dimension `{0}` is there twice")]
    DimensionTwice(String),
}

impl Metric {
    /// The metric of these names. Dimensions may come in any order.
    pub fn new(namespace: &str, name: &str, mut dimensions: Vec<Dimension>) -> Result<Metric, MetricFault> {
        text("Namespace", namespace, MAX_NAME_BYTES)?;
        if namespace.starts_with(':') {
            return Err(MetricFault::Colon { what: "Namespace" });
        }
        text("MetricName", name, MAX_NAME_BYTES)?;
        if dimensions.len() > MAX_DIMENSIONS {
            return Err(MetricFault::TooManyDimensions(dimensions.len()));
        }
        for dimension in &dimensions {
            text("Dimension.Name", &dimension.name, MAX_NAME_BYTES)?;
            if dimension.name.starts_with(':') {
                return Err(MetricFault::Colon { what: "Dimension.Name" });
            }
            text("Dimension.Value", &dimension.value, MAX_VALUE_BYTES)?;
        }
        dimensions.sort();
        if let Some(pair) = dimensions.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(MetricFault::DimensionTwice(pair[0].name.clone()));
        }
        Ok(Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions })
    }

    /// Whose metric it is, such as `AWS/MediaLive`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What it measures.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// By what it is told apart, in the order of the names.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }
}

fn text(what: &'static str, text: &str, most: usize) -> Result<(), MetricFault> {
    let printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if text.trim().is_empty() || text.len() > most || !printable {
        return Err(MetricFault::Text { what, most });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dimension(name: &str, value: &str) -> Dimension {
        Dimension { name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn dimensions_are_a_set() {
        let (a, b) = (dimension("A", "1"), dimension("B", "2"));
        let one = Metric::new("N", "m", vec![a.clone(), b.clone()]).unwrap();
        let other = Metric::new("N", "m", vec![b, a.clone()]).unwrap();
        assert_eq!(one, other);
        let twice = Metric::new("N", "m", vec![a.clone(), dimension("A", "3")]);
        assert_eq!(twice, Err(MetricFault::DimensionTwice("A".to_owned())));
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        let long = "x".repeat(256);
        for (namespace, name) in
            [("", "m"), ("N", ""), (" ", "m"), (":N", "m"), ("N", &long), ("N\n", "m"), ("Ñ", "m")]
        {
            assert!(Metric::new(namespace, name, Vec::new()).is_err(), "{namespace} {name}");
        }
        let many = (0..31).map(|n| dimension(&format!("d{n}"), "v")).collect();
        assert_eq!(Metric::new("N", "m", many), Err(MetricFault::TooManyDimensions(31)));
        assert!(Metric::new("N", "m", vec![dimension("d", &"v".repeat(1025))]).is_err());
    }
}
