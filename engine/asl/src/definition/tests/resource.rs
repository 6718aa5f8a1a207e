//! Resources and the queues they stand for.

use crate::definition::{Pattern, Resource, function_name};

#[test]
fn resources_and_their_queues() {
    for (text, queue) in [
        ("arn:aws:lambda:us-east-1:123456789012:function:charge", "charge"),
        ("arn:aws:lambda:region:account:function:charge:prod", "charge"),
        ("arn:aws:lambda:::function:charge:$LATEST", "charge"),
        ("arn:aws-cn:lambda:cn-north-1:123456789012:function:charge_2:7", "charge_2"),
        ("arn:aws:states:local:000000000000:activity:approve.order", "approve.order"),
        ("worker:charge", "charge"),
        ("worker:billing/charge:v2", "billing/charge:v2"),
        ("arn:aws:states:::lambda:invoke", "lambda:invoke"),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "sqs:sendMessage"),
        ("arn:aws:states:::aws-sdk:sfn:sendTaskSuccess", "aws-sdk:sfn:sendTaskSuccess"),
        ("arn:aws:states:us-east-1:123456789012:aws-sdk:s3:getObject", "aws-sdk:s3:getObject"),
    ] {
        let resource = Resource::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((&**resource.queue(), &**resource.text()), (queue, text));
    }
}

#[test]
fn patterns_stand_at_the_end() {
    for pattern in [Pattern::RequestResponse, Pattern::Sync, Pattern::Sync2, Pattern::WaitForTaskToken] {
        let text = format!("arn:aws:states:::states:startExecution{}", pattern.suffix());
        let expected = Resource::Integration {
            arn: text.as_str().into(),
            service: "states".into(),
            action: "startExecution".into(),
            pattern,
            queue: "states:startExecution".into(),
        };
        assert_eq!(Resource::parse(&text), Some(expected));
    }
}

#[test]
fn what_is_no_resource() {
    for text in [
        "",
        "charge",
        "foo:bar",
        "worker:",
        "worker:two words",
        "arn:aws:lambda:us-east-1:123456789012:function:",
        "arn:aws:lambda:us-east-1:123456789012:function:charge:",
        "arn:aws:lambda:us-east-1:123456789012:function:charge:$*#$7485",
        "arn:aws:lambda:us-east-1:123456789012:function:charge:1:2",
        "arn:aws:lambda:us-east-1:123456789012:layer:charge",
        "arn:aws:swf:us-east-1:123456789012:task:X",
        "arn:aws:states:us-east-1:123456789012:activity:",
        "arn:aws:states:us-east-1:123456789012:activity:a b",
        "arn:aws:states:::sqs",
        "arn:aws:states:::sqs:",
        "arn:aws:states:::sqs:sendMessage.later",
        "arn:aws:states:::a:b:c",
        "arn:gcp:states:::sqs:sendMessage",
        "arn:aws:states",
    ] {
        assert_eq!(Resource::parse(text), None, "{text}");
    }
}

#[test]
fn functions_by_any_of_their_names() {
    for (text, name) in [
        ("charge", Some("charge")),
        ("charge:prod", Some("charge")),
        ("charge:$LATEST", Some("charge")),
        ("123456789012:function:charge", Some("charge")),
        ("arn:aws:lambda:us-east-1:123456789012:function:charge", Some("charge")),
        ("arn:aws:lambda:us-east-1:123456789012:function:charge:7", Some("charge")),
        ("my-function:prod", Some("my-function")),
        ("", None),
        ("charge:", None),
        ("arn:aws:lambda:us-east-1:123456789012:function:", None),
        ("no such thing", None),
    ] {
        assert_eq!(function_name(text), name, "{text}");
    }
}
