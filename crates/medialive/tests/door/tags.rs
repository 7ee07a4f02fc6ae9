use serde_json::{Value, json};

use crate::home::Home;

#[tokio::test]
async fn tags_of_every_resource_are_set_told_and_taken_away() {
    let home = Home::new().await;
    let input = home.rtmp(&["live/one"]).await;
    let channel = home.channel(&input).await;
    let group = home.ok("POST", "/prod/inputSecurityGroups", json!({"tags": {"made": "so"}})).await;
    let group = crate::home::id(&group["securityGroup"]);
    for (kind, id) in [("input", &input), ("channel", &channel), ("inputSecurityGroup", &group)] {
        let path = format!("/prod/tags/arn%3Aaws%3Amedialive%3Aus-west-2%3A123456789012%3A{kind}%3A{id}");
        home.ok("POST", &path, json!({"tags": {"a": "1", "b": "2"}})).await;
        home.ok("DELETE", &format!("{path}?tagKeys=a&tagKeys=made"), Value::Null).await;
        assert_eq!(home.ok("GET", &path, Value::Null).await, json!({"tags": {"b": "2"}}), "{kind}");
    }
    let described = home.ok("GET", &format!("/prod/channels/{channel}"), Value::Null).await;
    assert_eq!(described["tags"], json!({"b": "2"}));
    for arn in
        ["arn:aws:medialive:us-west-2:123456789012:channel:1", "arn:aws:medialive:us-west-2:1:channel:1", "x"]
    {
        let path = format!("/prod/tags/{}", arn.replace(':', "%3A"));
        for (method, body) in [("GET", Value::Null), ("POST", json!({"tags": {"a": "1"}}))] {
            let refused = home.refused(method, &path, body).await;
            assert_eq!(refused, format!("404 NotFoundException: resource {arn} is not found"));
        }
    }
    let many: serde_json::Map<_, _> = (0..51).map(|index| (index.to_string(), json!("x"))).collect();
    let path = format!("/prod/tags/arn%3Aaws%3Amedialive%3Aus-west-2%3A123456789012%3Achannel%3A{channel}");
    assert!(home.refused("POST", &path, json!({"tags": many})).await.starts_with("400 BadRequestException"));
}
