//! `headwater user`: IAM's users, their access keys and policies.

use serde_json::{Value, json};

use crate::client::Client;
use crate::command::{KeyOrder, PolicyOrder, UserOrder};
use crate::iam::{ask, list};
use crate::table::{Table, cell, moment};
use crate::{Error, Screen, channel_file};

const NONE: &str = "no users: the root alone has a key; make one with `headwater user add NAME`";

pub(crate) async fn run(order: &UserOrder, client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    match order {
        UserOrder::Ls(_) => users(client, screen).await,
        UserOrder::Add(user) => {
            let name = user.name.as_str();
            let made = ask(client, format!("add user {name}"), "CreateUser", &[("UserName", name)]).await?;
            screen.show(&made["User"], |user| format!("{name}: added, {}\n", cell(&user["Arn"])))?;
            screen.hint(&format!(
                "may do nothing yet: `headwater user policy set {name} FILE`, and `headwater user key add {name}`"
            ))
        }
        UserOrder::Rm(user) => remove(&user.name, client, screen).await,
        UserOrder::Key(key) => keys(&key.order, client, screen).await,
        UserOrder::Policy(policy) => policies(&policy.order, client, screen).await,
    }
}

/// Every user, with keys and policies.
async fn users(client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    let mut items = Vec::new();
    for user in list(client, "list users", "ListUsers", "Users", &[]).await? {
        let name = cell(&user["UserName"]);
        let keys = keys_of(&name, client).await?;
        let (own, given) = policies_of(&name, client).await?;
        let given = given.iter().map(|policy| policy["PolicyName"].clone());
        let policies: Vec<Value> = own.into_iter().chain(given).collect();
        items.push(json!({
            "name": name, "arn": user["Arn"], "created": user["CreateDate"], "keys": keys, "policies": policies,
        }));
    }
    let is_empty = items.is_empty();
    screen.show(&json!({ "items": items, "next": null }), |users| {
        let mut table = Table::new(["NAME", "KEYS", "POLICIES", "CREATED"]);
        for user in users["items"].as_array().into_iter().flatten() {
            let active = |key: &&Value| key["Status"] == "Active";
            let keys = user["keys"].as_array().map_or(0, |keys| keys.iter().filter(active).count());
            let policies = user["policies"].as_array().into_iter().flatten().map(cell);
            table.push([
                cell(&user["name"]),
                if keys == 0 { String::new() } else { keys.to_string() },
                policies.collect::<Vec<_>>().join(", "),
                moment(&user["created"]),
            ]);
        }
        table
    })?;
    if is_empty { screen.hint(NONE) } else { Ok(()) }
}

/// A user with all they have: keys first, so that whatever fails on the way, they do nothing any more.
async fn remove(name: &str, client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    let asked = || format!("remove user {name}");
    let of_user = ("UserName", name);
    for key in keys_of(name, client).await? {
        let id = cell(&key["AccessKeyId"]);
        ask(client, asked(), "DeleteAccessKey", &[of_user, ("AccessKeyId", &id)]).await?;
    }
    let (own, given) = policies_of(name, client).await?;
    for policy in own {
        ask(client, asked(), "DeleteUserPolicy", &[of_user, ("PolicyName", &cell(&policy))]).await?;
    }
    for policy in given {
        let arn = cell(&policy["PolicyArn"]);
        ask(client, asked(), "DetachUserPolicy", &[of_user, ("PolicyArn", &arn)]).await?;
    }
    ask(client, asked(), "DeleteUser", &[of_user]).await?;
    screen.say(&format!("{name}: removed"))
}

async fn keys(order: &KeyOrder, client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    match order {
        KeyOrder::Add(user) => {
            let name = user.name.as_str();
            let asked = format!("add a key of user {name}");
            let made = ask(client, asked, "CreateAccessKey", &[("UserName", name)]).await?;
            screen.show(&made["AccessKey"], |key| {
                let (id, secret) = (cell(&key["AccessKeyId"]), cell(&key["SecretAccessKey"]));
                format!("access key  {id}\nsecret key  {secret}\n")
            })?;
            screen.hint("the secret is shown this once: keep it now")
        }
        KeyOrder::Ls(user) => {
            let keys = keys_of(&user.name, client).await?;
            screen.show(&json!({ "items": keys, "next": null }), |keys| {
                let mut table = Table::new(["KEY", "STATUS", "CREATED"]);
                for key in keys["items"].as_array().into_iter().flatten() {
                    table.push([cell(&key["AccessKeyId"]), cell(&key["Status"]), moment(&key["CreateDate"])]);
                }
                table
            })
        }
        KeyOrder::Rm(key) => {
            let (name, id) = (key.name.as_str(), key.key.as_str());
            let asked = format!("remove key {id} of user {name}");
            ask(client, asked, "DeleteAccessKey", &[("UserName", name), ("AccessKeyId", id)]).await?;
            screen.say(&format!("{id}: removed"))
        }
    }
}

async fn policies(order: &PolicyOrder, client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    match order {
        PolicyOrder::Set(set) => {
            let text = channel_file::text(&set.file)?;
            let (name, policy) = (set.name.as_str(), set.policy.as_str());
            let asked = format!("set policy {policy} of user {name}");
            let members = [("UserName", name), ("PolicyName", policy), ("PolicyDocument", &text)];
            ask(client, asked, "PutUserPolicy", &members).await?;
            screen.say(&format!("{name}: policy {policy} set"))
        }
        PolicyOrder::Show(one) => {
            let (name, policy) = (one.name.as_str(), one.policy.as_str());
            let asked = format!("show policy {policy} of user {name}");
            let members = [("UserName", name), ("PolicyName", policy)];
            let shown = ask(client, asked, "GetUserPolicy", &members).await?;
            let document = decoded(shown["PolicyDocument"].as_str().unwrap_or_default());
            let document: Value = serde_json::from_str(&document).unwrap_or(Value::String(document));
            screen.show(&document, |document| format!("{document:#}\n"))
        }
        PolicyOrder::Rm(one) => {
            let (name, policy) = (one.name.as_str(), one.policy.as_str());
            let asked = format!("remove policy {policy} of user {name}");
            ask(client, asked, "DeleteUserPolicy", &[("UserName", name), ("PolicyName", policy)]).await?;
            screen.say(&format!("{name}: policy {policy} removed"))
        }
    }
}

async fn keys_of(name: &str, client: &Client) -> Result<Vec<Value>, Error> {
    let asked = format!("list keys of user {name}");
    list(client, &asked, "ListAccessKeys", "AccessKeyMetadata", &[("UserName", name)]).await
}

/// A user's own policies by name, and those that were given to them.
async fn policies_of(name: &str, client: &Client) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let asked = format!("list policies of user {name}");
    let of_user = [("UserName", name)];
    let own = list(client, &asked, "ListUserPolicies", "PolicyNames", &of_user).await?;
    let given = list(client, &asked, "ListAttachedUserPolicies", "AttachedPolicies", &of_user).await?;
    Ok((own, given))
}

/// IAM writes documents percent-encoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape =
            after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_decoded() {
        for (text, expected) in
            [("%7B%22a%22%3A1%7D", r#"{"a":1}"#), ("%C3%A9", "é"), ("100%", "100%"), ("%zz", "%zz")]
        {
            assert_eq!(decoded(text), expected);
        }
    }
}
