//! Input security groups: who may send to push inputs.

use std::collections::BTreeSet;

use aws::{Error, Map, Value};
use door::{Caller, Refusal};
use spec::Network;
use store::{Expect, New, Owner, Resource, Write};

use crate::endpoint::{Endpoint, MAX_SENDERS};
use crate::medialive::{MediaLive, held};
use crate::page::{self, Asked};
use crate::refusal::{bad_request, conflict, told};
use crate::state;
use crate::stored::{self, GROUP, Group, INPUT, Input, TOMBSTONE_US};

const WHAT: &str = "input security group";
/// Most rules of a group, as AWS has it.
const MAX_RULES: usize = 10;

impl MediaLive {
    pub(crate) async fn create_group(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = create(&mut write, caller, &input).await;
        let made = self.settle(caller, write, WHAT, done).await?;
        Ok(Map::new().with("SecurityGroup", described(&made).map_err(told)?))
    }

    pub(crate) async fn describe_group(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = input.text("InputSecurityGroupId").unwrap_or_default();
        described(&self.find(caller, GROUP, id, WHAT).await?).map_err(told)
    }

    pub(crate) async fn list_groups(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let asked = Asked::of(&input)?;
        let after = asked.after.as_deref();
        let listed = self.store.list(GROUP, &caller.account, &caller.region, after, asked.limit);
        let page = listed.await.map_err(told)?;
        let items = page.items.iter().map(described).collect::<Result<_, _>>().map_err(told)?;
        Ok(page::answer("InputSecurityGroups", items, page.next))
    }

    pub(crate) async fn update_group(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = update(&mut write, caller, &input).await;
        let subject = input.text("InputSecurityGroupId").unwrap_or_default();
        let changed = self.settle(caller, write, subject, done).await?;
        Ok(Map::new().with("SecurityGroup", described(&changed).map_err(told)?))
    }

    pub(crate) async fn delete_group(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = input.text("InputSecurityGroupId").unwrap_or_default();
        self.delete_one_group(caller, id).await.map(|_| Map::new())
    }

    pub(crate) async fn delete_one_group(&self, caller: &Caller, id: &str) -> Result<Resource, Error> {
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = async {
            let resource = held(&mut write, caller, GROUP, id, WHAT).await?;
            let group: Group = stored::read(&resource)?;
            if !group.inputs.is_empty() {
                let inputs: Vec<_> = group.inputs.into_iter().collect();
                return Err(conflict(format!(
                    "inputs have it: {}; change or delete them first",
                    inputs.join(", ")
                ))
                .into());
            }
            Ok(write.delete(&resource.key, Expect::Any, caller.at.plus_micros(TOMBSTONE_US)).await?)
        }
        .await;
        self.settle(caller, write, id, done).await
    }
}

async fn create(write: &mut Write, caller: &Caller, input: &Map) -> Result<Resource, Refusal> {
    let group = Group { rules: rules(input)?, inputs: BTreeSet::new() };
    let (id, key) = crate::id::fresh(write, caller, GROUP).await?;
    let new = New {
        arn: caller.arn("medialive", &format!("inputSecurityGroup:{id}")),
        name: String::new(),
        owner: Owner::Api,
        desired: stored::document(&group)?,
        tags: door::tags(input.get("Tags")),
        key,
    };
    Ok(write.create(new).await?)
}

async fn update(write: &mut Write, caller: &Caller, input: &Map) -> Result<Resource, Refusal> {
    let id = input.text("InputSecurityGroupId").unwrap_or_default();
    let mut resource = held(write, caller, GROUP, id, WHAT).await?;
    if input.get("WhitelistRules").is_some() {
        let mut group: Group = stored::read(&resource)?;
        group.rules = rules(input)?;
        resource = write.change(&resource.key, Expect::Any, stored::document(&group)?).await?;
        for input in &group.inputs {
            let input: Input = stored::read(&held(write, caller, INPUT, input, "input").await?)?;
            senders(write, caller, &input.groups(), &input.endpoints).await?;
        }
    }
    if input.get("Tags").is_some() {
        resource = write.tag(&resource.key, door::tags(input.get("Tags"))).await?;
    }
    Ok(resource)
}

/// The rules of groups; refused where an input's endpoints cannot have so many.
pub(crate) async fn senders(
    write: &mut Write,
    caller: &Caller,
    groups: &[String],
    endpoints: &[Endpoint],
) -> Result<Option<Vec<String>>, Refusal> {
    if groups.is_empty() {
        return Ok(None);
    }
    let mut rules = Vec::new();
    for id in groups {
        let group: Group = stored::read(&held(write, caller, GROUP, id, WHAT).await?)?;
        rules.extend(group.rules);
    }
    if rules.len() > MAX_SENDERS && endpoints.iter().any(Endpoint::is_push) {
        let message = format!("the security groups of an input have at most {MAX_SENDERS} rules together");
        return Err(bad_request(message).into());
    }
    Ok(Some(rules))
}

/// Writes down which groups an input has.
pub(crate) async fn join(
    write: &mut Write,
    caller: &Caller,
    input: &str,
    before: &[String],
    after: &[String],
) -> Result<(), Refusal> {
    for id in before.iter().filter(|id| !after.contains(id)) {
        change(write, caller, id, |inputs| _ = inputs.remove(input)).await?;
    }
    for id in after.iter().filter(|id| !before.contains(id)) {
        change(write, caller, id, |inputs| _ = inputs.insert(input.to_owned())).await?;
    }
    Ok(())
}

async fn change(
    write: &mut Write,
    caller: &Caller,
    id: &str,
    change: impl FnOnce(&mut BTreeSet<String>),
) -> Result<(), Refusal> {
    let resource = held(write, caller, GROUP, id, WHAT).await?;
    let mut group: Group = stored::read(&resource)?;
    change(&mut group.inputs);
    write.change(&resource.key, Expect::Any, stored::document(&group)?).await?;
    Ok(())
}

fn rules(input: &Map) -> Result<Vec<String>, Error> {
    let list = input.get("WhitelistRules").and_then(Value::as_list).unwrap_or_default();
    if list.len() > MAX_RULES {
        return Err(bad_request(format!("a security group has at most {MAX_RULES} rules")));
    }
    let mut rules = Vec::new();
    for entry in list {
        let cidr = entry.as_map().and_then(|rule| rule.text("Cidr")).unwrap_or_default();
        let network: Network =
            cidr.parse().map_err(|fault| bad_request(format!("whitelistRules: {fault}")))?;
        if !network.is_ipv4() {
            return Err(bad_request(format!("whitelistRules: {cidr} is not IPv4; only IPv4 is implemented")));
        }
        let is_whole = cidr.contains('/');
        rules.push(if is_whole { cidr.to_owned() } else { format!("{cidr}/32") });
    }
    Ok(rules)
}

fn described(resource: &Resource) -> Result<Map, store::Error> {
    let group: Group = stored::read(resource)?;
    let texts =
        |set: &BTreeSet<String>| set.iter().map(|text| Value::from(text.as_str())).collect::<Vec<_>>();
    let rules = group.rules.iter().map(|cidr| Value::from(Map::new().with("Cidr", cidr.as_str())));
    Ok(Map::new()
        .with("Arn", resource.arn.clone())
        .with("Channels", Vec::new())
        .with("Id", resource.key.id())
        .with("Inputs", texts(&group.inputs))
        .with("State", state::group(&group, resource.deleted.is_some()))
        .with("Tags", door::tag_map(&resource.tags))
        .with("WhitelistRules", rules.collect::<Vec<_>>()))
}
