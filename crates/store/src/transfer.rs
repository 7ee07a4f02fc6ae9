//! All rows of one database into another, whatever the engines.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::error::Error;

/// What a column holds.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Number,
    Bytes,
}

/// Tables with their columns, in an order that suits their references; the first columns, as many as said, are the primary key.
const TABLES: [(&str, usize, &str); 12] = [
    ("numbers", 1, "name value#"),
    (
        "resources",
        4,
        "kind account region id arn name owner generation# desired observed observed_generation# tags created_us# \
         updated_us# deleted_us# forget_us#",
    ),
    ("changes", 1, "revision# at_us# kind account region id what generation#"),
    ("audit", 1, "revision# at_us# account who source action request_id subject outcome chain"),
    ("tokens", 3, "account action token fingerprint answer expires_us#"),
    ("users", 2, "account name document password% created_us#"),
    (
        "access_keys",
        1,
        "id account user_name sealed% active# created_us# last_used_us# last_used_service last_used_region",
    ),
    ("policies", 2, "account name document about created_us#"),
    ("user_policies", 3, "account user_name name document created_us#"),
    ("attachments", 3, "account user_name policy_name"),
    ("secrets", 3, "account region name sealed% updated_us#"),
    ("messages", 2, "queue number# sent_us# due_us# expires_us# taken# first_taken_us# head body"),
];

/// Rows read at once.
const ROWS: usize = 500;

/// Columns of a table and what they hold: `#` ends a number's name, `%` that of bytes.
fn columns(spelled: &str) -> (Vec<&str>, Vec<Type>) {
    let column = |word| match str::chars(word).last() {
        Some('#') => (&word[..word.len() - 1], Type::Number),
        Some('%') => (&word[..word.len() - 1], Type::Bytes),
        _ => (word, Type::Text),
    };
    spelled.split_whitespace().map(column).unzip()
}

/// Copies every row. Both ends are in a transaction; what stands in `into` goes first.
pub(crate) async fn transfer(from: &mut AnyConnection, into: &mut AnyConnection) -> Result<(), Error> {
    for (table, _, _) in TABLES.iter().rev() {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut *into).await?;
    }
    for (table, keys, spelled) in TABLES {
        let (names, types) = columns(spelled);
        let listed = names.join(", ");
        let marks: Vec<String> = (1..=names.len()).map(|place| format!("${place}")).collect();
        let insert = format!("INSERT INTO {table} ({listed}) VALUES ({})", marks.join(", "));
        let key = names[..keys].join(", ");
        let first = format!("SELECT {listed} FROM {table} ORDER BY {key} LIMIT {ROWS}");
        let further = format!(
            "SELECT {listed} FROM {table} WHERE ({key}) > ({}) ORDER BY {key} LIMIT {ROWS}",
            marks[..keys].join(", ")
        );
        let mut last: Option<AnyRow> = None;
        loop {
            let mut select =
                sqlx::query(AssertSqlSafe(if last.is_some() { further.clone() } else { first.clone() }));
            for (place, kind) in types.iter().enumerate().take(if last.is_some() { keys } else { 0 }) {
                let row = last.as_ref().expect("taken from it");
                select = match kind {
                    Type::Number => select.bind(row.try_get::<i64, _>(place)?),
                    _ => select.bind(row.try_get::<String, _>(place)?),
                };
            }
            let rows = select.fetch_all(&mut *from).await?;
            for row in &rows {
                let mut query = sqlx::query(AssertSqlSafe(insert.clone()));
                for (place, kind) in types.iter().enumerate() {
                    query = match kind {
                        Type::Text => query.bind(row.try_get::<Option<String>, _>(place)?),
                        Type::Number => query.bind(row.try_get::<Option<i64>, _>(place)?),
                        Type::Bytes => query.bind(row.try_get::<Option<Vec<u8>>, _>(place)?),
                    };
                }
                query.execute(&mut *into).await?;
            }
            match rows.into_iter().next_back() {
                Some(row) => last = Some(row),
                None => break,
            }
        }
    }
    Ok(())
}
