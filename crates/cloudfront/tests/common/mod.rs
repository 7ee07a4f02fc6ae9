//! A door over a store in a folder of its own, called as clients call it but for the signature.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::{Arc, Mutex};

use aws::{Error, Limits, Map, Model, Value, validate};
use bytes::Bytes;
use cloudfront::{CloudFront, Purge, PurgeFault, Purged, Viewers};
use door::{Caller, Door, Made, Others, Site, Told};
use http::{Request, Response};
use media::Utc;
use store::{Place, Store};

pub(crate) const ACCOUNT: &str = "123456789012";

/// Remembers what it was asked.
#[derive(Default)]
pub(crate) struct Purges {
    pub(crate) asked: Mutex<Vec<(String, String)>>,
    pub(crate) fault: Mutex<Option<String>>,
}

impl Purge for Purges {
    fn purge<'a>(&'a self, distribution: &'a str, pattern: &'a str) -> Purged<'a> {
        self.asked.lock().unwrap().push((distribution.to_owned(), pattern.to_owned()));
        let fault = self.fault.lock().unwrap().clone();
        Box::pin(async move { fault.map_or(Ok(()), |why| Err(PurgeFault { why })) })
    }
}

/// What other doors made.
struct Beside(Made);

impl Others for Beside {
    fn made(&self) -> Told<'_> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

pub(crate) struct Api {
    pub(crate) door: CloudFront,
    pub(crate) store: Store,
    pub(crate) purges: Arc<Purges>,
    now: Mutex<i64>,
    _folder: tempfile::TempDir,
}

impl Api {
    pub(crate) async fn new() -> Api {
        Api::with(Viewers::Http).await
    }

    pub(crate) async fn with(viewers: Viewers) -> Api {
        Api::with_all(viewers, Made::default()).await
    }

    /// Beside a workflow file.
    pub(crate) async fn beside(file: &str) -> Api {
        Api::with_all(Viewers::Http, Made::of_file(file).unwrap()).await
    }

    async fn with_all(viewers: Viewers, made: Made) -> Api {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Place::Sqlite(folder.path().join("headwater.db"))).await.unwrap();
        let purges = Arc::<Purges>::default();
        let door = CloudFront::new(store.clone(), purges.clone(), viewers, site(), Arc::new(Beside(made)));
        Api { door, store, purges, now: Mutex::new(1_795_000_000_000_000), _folder: folder }
    }

    /// Calls; the input and a good answer are held against the description.
    pub(crate) async fn call(&self, operation: &str, input: Map) -> Result<Map, Error> {
        let service = Model::bundled().service("cloudfront").unwrap();
        let known = service.operation(operation).unwrap();
        validate::check(service, known, &input)?;
        let output = self.door.call(&self.caller(operation), known.name, input).expect("it is done").await?;
        let path = path(operation);
        let request = request(known.method, &path, "");
        let call = Model::bundled().route(&request, &Limits::default()).unwrap_or_else(|_| panic!("{path}"));
        assert_eq!(call.operation.name, operation);
        call.answer(&output, "request").unwrap_or_else(|fault| panic!("{operation}: {fault}"));
        Ok(output)
    }

    /// The same from bytes to bytes.
    pub(crate) async fn wire(&self, method: &str, path: &str, body: &str) -> Response<Bytes> {
        let request = request(method, path, body);
        let call = Model::bundled().route(&request, &Limits::default()).expect("routed");
        let done = async {
            let input = call.input(&Limits::default())?;
            validate::check(call.service, call.operation, &input)?;
            let caller = self.caller(call.operation.name);
            self.door.call(&caller, call.operation.name, input).expect("it is done").await
        };
        match done.await {
            Ok(output) => call.answer(&output, "request").unwrap(),
            Err(error) => call.refusal(&error, "request"),
        }
    }

    /// The name of the exception a call ends in, and its message.
    pub(crate) async fn refused(&self, operation: &str, input: Map) -> (String, String) {
        let error = self.call(operation, input).await.expect_err("refused");
        (error.name.into_owned(), error.message)
    }

    /// What all resources ask to run, read by `spec`.
    pub(crate) async fn wanted(&self) -> Vec<spec::Distribution> {
        let (_, resources) = self.store.every().await.unwrap();
        let wanted = self.door.wanted(&resources, &site());
        let mut file = toml::Table::new();
        file.insert("edge".into(), door::table([("origins", vec!["http://127.0.0.1:8300"])]).into());
        file.insert("listen".into(), door::table([("viewers_tls", "0.0.0.0:8443")]).into());
        file.insert("distribution".into(), wanted.distributions.into());
        spec::Workflow::parse(&file.to_string()).expect("what is wanted is valid").distributions
    }

    fn caller(&self, operation: &str) -> Caller {
        let mut now = self.now.lock().unwrap();
        *now += 1_000_000;
        Caller {
            account: ACCOUNT.into(),
            region: "us-west-2".into(),
            who: format!("arn:aws:iam::{ACCOUNT}:user/test"),
            access_key: String::new(),
            source: "127.0.0.1".into(),
            request_id: format!("request-{now}"),
            action: format!("cloudfront:{operation}"),
            at: Utc(*now),
        }
    }
}

pub(crate) fn site() -> Site {
    let address = |port: u16| ([127, 0, 0, 1], port).into();
    Site {
        host: "media.example".into(),
        viewers: address(8080),
        rtmp: address(1935),
        srt: address(9710),
        hls_push: address(8310),
        origin: address(8300),
        control: address(8400),
    }
}

/// The path of an operation, ids in it made up.
fn path(operation: &str) -> String {
    let root = "/2020-05-31";
    for (name, many, path) in [
        ("CachePolicy", "CachePolicies", "cache-policy"),
        ("OriginRequestPolicy", "OriginRequestPolicies", "origin-request-policy"),
        ("ResponseHeadersPolicy", "ResponseHeadersPolicies", "response-headers-policy"),
        ("OriginAccessControl", "OriginAccessControls", "origin-access-control"),
        ("Distribution", "Distributions", "distribution"),
    ] {
        if operation == format!("List{many}") || operation == format!("Create{name}") {
            return format!("{root}/{path}");
        }
        let has_config = operation == format!("Get{name}Config")
            || (operation == format!("Update{name}")
                && matches!(name, "OriginAccessControl" | "Distribution"));
        if has_config {
            return format!("{root}/{path}/X/config");
        }
        if ["Get", "Update", "Delete"].iter().any(|verb| operation == format!("{verb}{name}")) {
            return format!("{root}/{path}/X");
        }
    }
    let rest = match operation {
        "CreateDistributionWithTags" => "distribution?WithTags",
        "CreateInvalidation" | "ListInvalidations" => "distribution/X/invalidation",
        "GetInvalidation" => "distribution/X/invalidation/Y",
        "TagResource" => "tagging?Operation=Tag",
        "UntagResource" => "tagging?Operation=Untag",
        "ListTagsForResource" => "tagging",
        other => panic!("{other} has no path here"),
    };
    format!("{root}/{rest}")
}

fn request(method: &str, path: &str, body: &str) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-west-2/cloudfront/aws4_request, SignedHeaders=host, Signature=0",
        )
        .body(Bytes::from(body.to_owned()))
        .unwrap()
}

pub(crate) fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Map {
    entries.into_iter().collect()
}

pub(crate) fn list(items: impl IntoIterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.into_iter().collect();
    let list = Map::new().with("Quantity", items.len() as u64);
    if items.is_empty() { list.into() } else { list.with("Items", items).into() }
}

pub(crate) fn words(words: &[&str]) -> Value {
    list(words.iter().map(|word| Value::from(*word)))
}

/// The smallest configuration with a cache policy, before an origin elsewhere.
pub(crate) fn config(reference: &str) -> Map {
    let custom = map([
        ("HTTPPort", 80_i64.into()),
        ("HTTPSPort", 443_i64.into()),
        ("OriginProtocolPolicy", "http-only".into()),
    ]);
    let origin = map([
        ("Id", "main".into()),
        ("DomainName", "origin.example.org".into()),
        ("CustomOriginConfig", custom.into()),
    ]);
    map([
        ("CallerReference", reference.into()),
        ("Origins", list([origin.into()])),
        ("DefaultCacheBehavior", behaviour().into()),
        ("Comment", "".into()),
        ("Enabled", true.into()),
    ])
}

pub(crate) fn behaviour() -> Map {
    map([
        ("TargetOriginId", "main".into()),
        ("ViewerProtocolPolicy", "allow-all".into()),
        ("CachePolicyId", "658327ea-f89d-4fab-a63d-7e88639e58f6".into()),
    ])
}

/// The configuration with a member of its default behaviour set.
pub(crate) fn with_behaviour(reference: &str, member: &'static str, value: impl Into<Value>) -> Map {
    config(reference).with("DefaultCacheBehavior", behaviour().with(member, value))
}

pub(crate) fn inner<'m>(map: &'m Map, path: &str) -> &'m Value {
    let mut at = map;
    let (parents, last) = path.rsplit_once('.').map_or((None, path), |(parents, last)| (Some(parents), last));
    for parent in parents.into_iter().flat_map(|parents| parents.split('.')) {
        at = at.get(parent).and_then(Value::as_map).unwrap_or_else(|| panic!("no {parent} of {path}"));
    }
    at.get(last).unwrap_or_else(|| panic!("no {path}"))
}

pub(crate) fn text(map: &Map, path: &str) -> String {
    inner(map, path).as_str().unwrap_or_else(|| panic!("{path} is no text")).to_owned()
}
