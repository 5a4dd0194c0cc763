//! `values.schema.json`: a value that means nothing is refused, and named.

use serde_json::{Value, json};

use crate::{refusal, render};

#[test]
fn a_misspelt_value_is_refused_and_named() {
    for (values, name) in [
        (json!({"profil": "ha"}), "profil"),
        (json!({"webhook": {"replica": 3}}), "replica"),
        (json!({"webhook": {"resources": {"limits": {"cpu": "1"}}}}), "cpu"),
        (json!({"policies": {"libary": []}}), "libary"),
        (json!({"certificates": {"managed": true}}), "managed"),
        (json!({"certificates": {"issuerRef": {"nam": "a"}}}), "nam"),
        (json!({"networkPolicy": {"metricsFrom": [{"podSelectors": {}}]}}), "podSelectors"),
        (json!({"monitoring": {"serviceMonitor": {"enable": true}}}), "enable"),
        (json!({"observe": {"failurePolicy": "Fail"}}), "observe"),
    ] {
        let said = refusal(&values);
        assert!(
            said.contains("additional properties") && said.contains(&format!("'{name}'")),
            "{values}: {said}"
        );
    }
}

#[test]
fn a_value_that_cannot_be_is_refused_with_its_place() {
    for (values, place) in [
        (json!({"profile": "large"}), "/profile"),
        (json!({"webhook": {"failurePolicy": "fail"}}), "/webhook/failurePolicy"),
        (json!({"webhook": {"timeoutSeconds": 31}}), "/webhook/timeoutSeconds"),
        (json!({"webhook": {"replicas": "2"}}), "/webhook/replicas"),
        (json!({"webhook": {"excludedNamespaces": ["kube-*"]}}), "/webhook/excludedNamespaces/0"),
        (json!({"policies": {"library": ["restrcted"]}}), "/policies/library/0"),
        (json!({"policies": {"documents": {"a": {"kind": "Pod"}}}}), "/policies/documents/a"),
        (json!({"certificates": {"mode": "Managed"}}), "/certificates/mode"),
        (json!({"certificates": {"lifetime": "90d"}}), "/certificates/lifetime"),
        (json!({"policies": {"maxExceptionLife": "90d"}}), "/policies/maxExceptionLife"),
        (json!({"clientCa": {"bundle": "LS0tLS1CRUdJTg=="}}), "/clientCa/bundle"),
        (json!({"image": {"digest": "sha256:abc"}}), "/image/digest"),
        (json!({"userNamespaces": "yes"}), "/userNamespaces"),
    ] {
        let said = refusal(&values);
        assert!(said.contains(&format!("'{place}'")), "{values}: {said}");
    }
}

/// Helm hands this to every chart that is part of another one.
#[test]
fn the_chart_can_be_part_of_another() {
    render(&json!({"global": {"anything": 1}}));
}

#[test]
fn an_image_is_named_by_tag_or_digest() {
    let image = |values: Value| {
        let objects = render(&json!({"image": values}));
        let deployment = crate::object(&objects, "Deployment", "podgate-webhook");
        deployment["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    let digest = format!("sha256:{}", "a".repeat(64));
    assert_eq!(
        image(json!({"repository": "localhost/podgate", "tag": "dev"})),
        "localhost/podgate:dev"
    );
    assert_eq!(
        image(json!({"digest": digest, "tag": "1"})),
        format!("ghcr.io/podgate/podgate@{digest}")
    );
}
