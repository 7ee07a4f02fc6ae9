use super::*;
use crate::workflow::Workflow;
use expect_test::{Expect, expect};

fn read(tables: &str) -> Result<Vec<Distribution>, Fault> {
    let text = format!("[edge]\norigins = [\"http://a\"]\n{tables}\n");
    Workflow::parse(&text).map(|workflow| workflow.distributions)
}

fn refused(tables: &str, fault: Expect) {
    fault.assert_eq(&read(tables).expect_err("refused").to_string());
}

const SMALLEST: &str = "[[distribution]]\nname = \"live\"\nhosts = [\"Live.localhost\"]\n\
    origin = [{ id = \"main\", target = \"origin\" }]";

/// The smallest one, with the lines of a behaviour.
fn behaving(lines: &str) -> String {
    format!("{SMALLEST}\n[[distribution.behaviour]]\n{lines}")
}

#[test]
fn the_smallest_distribution_has_sensible_defaults() {
    let [one] = &read(SMALLEST).expect("valid")[..] else { panic!("one") };
    assert_eq!((one.name.as_str(), one.enabled, one.mount), ("live", true, false));
    assert_eq!(one.hosts, ["live.localhost"]);
    assert_eq!(one.behaviours, [Behaviour::of(Source::Origin(0))]);
    assert_eq!(one.origins[0].target, OriginTarget::Own);
    assert_eq!(read(""), Ok(Vec::new()));
}

#[test]
fn everything_that_can_be_said_is_kept() {
    let text = r#"
[[distribution]]
name = "live"
mount = true
enabled = false
default_root = "index.html"
hosts = ["*.example.org"]
[[distribution.origin]]
id = "main"
target = "https://a.example:8443/x"
path = "/out/v1/a~b"
headers = [{ name = "X-Secret", value = "s3cret" }]
connect_timeout = 2.5
attempts = 3
read_timeout = 30
keep_alive = 5
[[distribution.origin]]
id = "spare"
target = "origin"
[[distribution.group]]
id = "either"
origins = ["main", "spare"]
failover_on = [404, 503]
[[distribution.behaviour]]
path = "*.m3u8"
origin = "either"
methods = ["HEAD", "GET"]
query = ["v"]
headers = ["Origin"]
cookies = ["session"]
forward_query = { except = ["x"] }
forward_headers = ["user-agent"]
forward_cookies = ["b"]
ttl = { min = 0.5, default = 1, max = 2 }
compress = true
response = { remove = ["X-Powered-By"], set = [{ name = "A", value = "b", override = false }], cors = { origins = ["https://*.example.org"], max_age = 60 } }
[[distribution.behaviour]]
origin = "spare"
query = "all"
[[distribution.error]]
status = 404
ttl = 3
page = "/404.html"
answer = 200
"#;
    let [one] = &read(text).expect("valid")[..] else { panic!("one") };
    assert!(!one.enabled && one.mount);
    assert_eq!(
        one.groups[0],
        OriginGroup { id: "either".into(), origins: [0, 1], failover_on: vec![404, 503] }
    );
    let main = &one.origins[0];
    assert_eq!(
        (main.connect_ms, main.attempts, main.read_ms, main.keep_alive_ms),
        (Some(2_500), 3, Some(30_000), 5_000)
    );
    assert!(!format!("{one:?}").contains("s3cret"), "an origin's header is shown nowhere");
    let [lists, all] = &one.behaviours[..] else { panic!("two") };
    assert_eq!((lists.source, lists.methods), (Source::Group(0), Methods::Read));
    assert_eq!(lists.ttl, Some(Ttl { min_ms: 500, default_ms: 1_000, max_ms: 2_000 }));
    assert!(lists.query.takes("v") && !lists.query.takes("w"));
    assert!(lists.forward_query.takes("v") && !lists.forward_query.takes("x"));
    assert_eq!(lists.response.as_ref().expect("set").remove, ["x-powered-by"]);
    assert!(all.path.is_none() && all.query.takes("anything"));
    let page = Some(ErrorPage { path: "/404.html".into(), status: 200 });
    assert_eq!(one.errors, [ErrorResponse { status: 404, ttl_ms: Some(3_000), page }]);
}

#[test]
fn a_fault_says_what_would_be_right() {
    refused(
        "[[distribution]]\nname = \"live\"\norigin = [{ id = \"a\", target = \"origin\" }]",
        expect![[
            r#"line 3: distribution[0]: nobody could reach it: set `hosts`, such as ["live.localhost"], or `mount = true`"#
        ]],
    );
    refused(
        &format!("{SMALLEST}\n{SMALLEST}"),
        expect!["line 7: distribution[1]: another distribution has this name"],
    );
    refused(
        &format!("{SMALLEST}\n{}", SMALLEST.replace("\"live\"", "\"b\"")),
        expect!["line 7: distribution[1]: another distribution has the host `live.localhost`"],
    );
    refused(
        &SMALLEST.replace("Live.localhost", "live.localhost:8080"),
        expect![[
            r#"line 5: distribution[0].hosts[0]: a host is wanted here without a port, such as "live.example.org", "live.localhost" or "*.example.org""#
        ]],
    );
    refused(
        &SMALLEST.replace("\"origin\"", "\"elsewhere\""),
        expect![[
            r#"line 6: distribution[0].origin[0].target: an origin begins with http:// or https://, such as "https://origin.example/live"; or "origin", which is where this edge fetches from"#
        ]],
    );
    refused(
        &behaving("path = \"/a\""),
        expect![
            "line 7: distribution[0].behaviour: 1 to 76 behaviours; the last has no `path` and is for all that no other fits, the others have one each"
        ],
    );
    refused(
        &behaving("origin = \"other\""),
        expect![
            "line 8: distribution[0].behaviour[0].origin: no origin and no group of this distribution has this id"
        ],
    );
    refused(
        &behaving("viewer_protocol = \"https-only\""),
        expect![[
            r#"line 8: distribution[0].behaviour[0].viewer_protocol: nobody could come by https: set `viewers_tls` under [listen], such as "0.0.0.0:8443""#
        ]],
    );
    refused(
        &behaving("methods = [\"GET\", \"HEAD\", \"POST\"]"),
        expect![
            "line 8: distribution[0].behaviour[0].methods[2]: POST is not implemented: viewers of this edge only read"
        ],
    );
    refused(
        &behaving("headers = [\"Host\"]"),
        expect!["line 8: distribution[0].behaviour[0].headers[0]: `host` is the edge's own to say"],
    );
    refused(
        &behaving("headers = [\"Authorization\"]"),
        expect![
            "line 8: distribution[0].behaviour[0].headers[0]: not implemented: viewers' credentials reach no origin; remove it"
        ],
    );
    refused(
        &behaving("cookies = \"all\""),
        expect![
            "line 8: distribution[0].behaviour[0].cookies: not implemented: with all cookies no two viewers would share an object; name those that make a difference"
        ],
    );
    refused(
        &behaving("ttl = { min = 3, max = 1 }"),
        expect![
            "line 8: distribution[0].behaviour[0].ttl: `min` is at most `default`, and that at most `max`"
        ],
    );
    refused(
        &behaving("response = { remove = [\"content-length\"] }"),
        expect![
            "line 8: distribution[0].behaviour[0].response.remove[0]: `content-length` is the edge's own to say"
        ],
    );
    refused(
        &behaving("response = { cors = { origins = [\"*\"], credentials = true } }"),
        expect![
            "line 8: distribution[0].behaviour[0].response.cors: with `credentials`, origins are named one by one: browsers refuse `*`"
        ],
    );
    refused(
        &format!("{SMALLEST}\nerror = [{{ status = 404, answer = 200 }}]"),
        expect!["line 7: distribution[0].error[0].answer: there is no `page` to answer with"],
    );
    refused(
        "[[distribution]]\nname = \"x\"\nmount = true\norigin = [{ id = \"a\", target = \"origin\" }]\n\
         [[channel]]\nname = \"d\"\ninput = \"test\"",
        expect![
            "line 7: channel[0]: a channel `d` would lie where distributions are mounted, at `/d/`: give it another name, or take `mount` away"
        ],
    );
}

#[test]
fn the_guides_example_is_valid() {
    let guide = include_str!("../../../../docs/edge.md");
    let chapter = guide.split("## Distributions\n").nth(1).expect("it has a chapter on them");
    let example =
        chapter.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("with an example");
    let found = read(&format!("[listen]\nviewers_tls = \"0.0.0.0:8443\"\n{example}")).expect("valid");
    assert_eq!((found[0].behaviours.len(), found[0].origins.len(), found[0].groups.len()), (2, 2, 1));
}

#[test]
fn pages_of_allowed_origins_may_read() {
    let cors = |origins: &str| {
        let text = behaving(&format!("response = {{ cors = {{ origins = [{origins}] }} }}"));
        let one = read(&text).expect("valid").remove(0);
        one.behaviours[0].response.clone().expect("set").cors.expect("set")
    };
    assert_eq!(cors("\"*\"").allowed("https://x"), Some("*"));
    let some = cors("\"https://a.example\", \"https://*.b.example\", \"*.c.example\"");
    for origin in ["https://a.example", "https://x.b.example", "https://x.y.b.example", "http://x.c.example"]
    {
        assert_eq!(some.allowed(origin), Some(origin));
    }
    for origin in
        ["http://a.example", "https://b.example", "https://xb.example", "https://evil/.b.example", ""]
    {
        assert_eq!(some.allowed(origin), None, "{origin}");
    }
}
