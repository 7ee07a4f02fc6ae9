//! What AWS's clients need to come here: text for a shell, for a configuration file, and for Terraform.

use crate::{AccessKeyId, Secret};

/// Where clients go, and as whom.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The front door's URL: `https://headwater.example:8443`.
    pub endpoint: &'a str,
    /// The region to name; any will do.
    pub region: &'a str,
    /// The access key.
    pub access_key: &'a AccessKeyId,
    /// Its secret.
    pub secret_key: &'a Secret,
    /// The file of a private authority that signed the front door's certificate.
    pub authority: Option<&'a str>,
}

/// Exports for `sh`: `eval "$(headwater aws-env)"`. boto3 (from 1.28), aws CLI (from 2.13), the SDKs and Terraform's
/// provider read them.
pub fn shell(target: &Target<'_>) -> String {
    let mut text = String::new();
    for (name, value) in variables(target) {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    text
}

/// A profile for AWS's configuration file. It also leaves out the client's own check of parameters, so that requests
/// come as they were written.
pub fn profile(name: &str, target: &Target<'_>) -> String {
    let mut text = format!(
        "[profile {name}]\nregion = {}\nendpoint_url = {}\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        target.region,
        target.endpoint,
        target.access_key,
        target.secret_key.expose()
    );
    if let Some(file) = target.authority {
        text.push_str(&format!("ca_bundle = {file}\n"));
    }
    text.push_str("parameter_validation = false\ns3 =\n  addressing_style = path\n");
    text
}

/// A provider for Terraform. The key stays in the environment ([`shell`]), for this file is kept with others.
pub fn terraform(target: &Target<'_>) -> String {
    let services =
        ["cloudfront", "cloudwatch", "iam", "mediapackage", "medialive", "s3", "sns", "sqs", "sts"];
    let mut text = format!(
        "provider \"aws\" {{\n  region                      = {}\n  s3_use_path_style           = true\n  \
         skip_metadata_api_check     = true\n  skip_region_validation      = true\n",
        hcl(target.region)
    );
    if let Some(file) = target.authority {
        text.push_str(&format!("  custom_ca_bundle            = {}\n", hcl(file)));
    }
    text.push_str("\n  endpoints {\n");
    for service in services {
        text.push_str(&format!("    {service:<12} = {}\n", hcl(target.endpoint)));
    }
    text.push_str("  }\n}\n");
    text
}

fn variables<'a>(target: &Target<'a>) -> Vec<(&'static str, &'a str)> {
    let mut variables = vec![
        ("AWS_ENDPOINT_URL", target.endpoint),
        ("AWS_REGION", target.region),
        ("AWS_DEFAULT_REGION", target.region),
        ("AWS_ACCESS_KEY_ID", target.access_key.as_str()),
        ("AWS_SECRET_ACCESS_KEY", target.secret_key.expose()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    variables.extend(target.authority.map(|file| ("AWS_CA_BUNDLE", file)));
    variables
}

/// One word to a shell, whatever is in it.
fn quoted(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:+=@%,".contains(&byte);
    if !value.is_empty() && value.bytes().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

/// A string of Terraform's language.
fn hcl(value: &str) -> String {
    let escaped = value.replace('\\', r"\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(print: impl Fn(&Target<'_>) -> String, secret: &str, authority: Option<&str>) -> String {
        let (access_key, secret_key) =
            (&AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap(), &Secret::new(secret));
        print(&Target {
            endpoint: "https://127.0.0.1:8443",
            region: "us-west-2",
            access_key,
            secret_key,
            authority,
        })
    }

    #[test]
    fn a_shell_gets_what_clients_read() {
        let text = with(shell, "wJalr/K7+x", None);
        assert_eq!(
            text,
            "export AWS_ENDPOINT_URL=https://127.0.0.1:8443\nexport AWS_REGION=us-west-2\n\
             export AWS_DEFAULT_REGION=us-west-2\nexport AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\n\
             export AWS_SECRET_ACCESS_KEY=wJalr/K7+x\nexport AWS_EC2_METADATA_DISABLED=true\n"
        );
        let text = with(shell, "it's $(rm)", Some("/etc/head water.pem"));
        assert!(text.contains("export AWS_SECRET_ACCESS_KEY='it'\\''s $(rm)'\n"), "{text}");
        assert!(text.ends_with("export AWS_CA_BUNDLE='/etc/head water.pem'\n"));
    }

    #[test]
    fn a_profile_leaves_checking_to_the_server() {
        let text = with(|target| profile("headwater", target), "s", Some("ca.pem"));
        assert!(text.starts_with("[profile headwater]\nregion = us-west-2\n"));
        assert!(text.contains("\nparameter_validation = false\n") && text.contains("\nca_bundle = ca.pem\n"));
    }

    #[test]
    fn terraform_gets_endpoints_and_no_secret() {
        let text = with(terraform, "the secret", Some("a\"${b}"));
        assert!(text.contains("    medialive    = \"https://127.0.0.1:8443\"\n"), "{text}");
        assert!(text.contains("\"a\\\"$${b}\"") && !text.contains("the secret"));
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
