//! Tables for people: aligned columns, no borders.

use std::fmt;

use serde_json::Value;

/// Rows under a head. A column in which no row has anything is left out.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a column for each word of `head`.
    pub(crate) fn new<const COLUMNS: usize>(head: [&'static str; COLUMNS]) -> Self {
        Self { head: head.into(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn push<const COLUMNS: usize>(&mut self, row: [String; COLUMNS]) {
        debug_assert_eq!(self.head.len(), COLUMNS, "a cell for each column");
        self.rows.push(row.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |at: usize| self.rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let columns: Vec<_> = (0..self.head.len()).filter(|at| width(*at) > 0).collect();
        let line = |f: &mut fmt::Formatter<'_>, cell: &dyn Fn(usize) -> String| {
            let mut text = String::new();
            for at in &columns {
                let width = width(*at).max(self.head[*at].len());
                text += &format!("{:<width$}  ", cell(*at));
            }
            writeln!(f, "{}", text.trim_end())
        };
        if columns.is_empty() {
            return Ok(());
        }
        line(f, &|at| self.head[at].to_owned())?;
        self.rows.iter().try_for_each(|row| line(f, &|at| row[at].clone()))
    }
}

/// A value of the API's JSON in a cell.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}

/// A moment in a cell: to the second.
pub(crate) fn moment(value: &Value) -> String {
    let text = cell(value);
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// Text that others wrote, for a terminal: what would move its cursor or change its colours is shown as �.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { char::REPLACEMENT_CHARACTER } else { sign }).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them_and_empty_ones_are_left_out() {
        let mut table = Table::new(["NAME", "STATE", "PROBLEM", "ENCODERS"]);
        table.push([cell(&json!("main")), cell(&json!("running")), cell(&Value::Null), cell(&json!(2))]);
        table.push([cell(&json!("é-long-name")), cell(&json!("stopped")), String::new(), cell(&json!(0))]);
        expect![[r#"
            NAME         STATE    ENCODERS
            main         running  2
            é-long-name  stopped  0
        "#]]
        .assert_eq(&table.to_string());
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert_eq!(Table::new(["NAME"]).to_string(), "");
    }

    #[test]
    fn what_others_named_cannot_write_on_the_terminal() {
        assert_eq!(cell(&json!("a\u{1b}[31m\nb\u{9b}")), "a\u{fffd}[31m\u{fffd}b\u{fffd}");
    }

    #[test]
    fn values_are_shown_as_people_say_them() {
        let shown =
            [json!(null), json!(true), json!(false), json!(1.5), json!({"a": 1})].map(|value| cell(&value));
        assert_eq!(shown, ["", "yes", "no", "1.5", r#"{"a":1}"#]);
        assert_eq!(moment(&json!("2026-11-27T04:10:26.123Z")), "2026-11-27T04:10:26Z");
        assert_eq!(moment(&Value::Null), "");
    }
}
