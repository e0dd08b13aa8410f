//! What an operator can get wrong.

use super::*;

pub(crate) fn kafka(brokers: &[&str]) -> Kafka {
    Kafka {
        brokers: brokers.iter().map(ToString::to_string).collect(),
        topic: "logs".into(),
        compression: Compression::default(),
        tls: None,
        login: None,
    }
}

fn login(mechanism: Mechanism) -> Option<KafkaLogin> {
    Some(KafkaLogin { mechanism, username: "anabranch".into(), password: "geheim".into() })
}

#[cfg(feature = "kafka")]
#[test]
fn brokers_and_topics_are_looked_at() {
    for good in ["127.0.0.1:9092", "kafka-1.example.org:1", "[2001:db8::1]:65535"] {
        assert_eq!(kafka(&[good]).check(), Ok(()), "{good}");
    }
    for bad in ["", "kafka", ":9092", "kafka:", "kafka:0", "kafka:65536", "a,b:1", "a b:1", "::1:9092"] {
        assert_eq!(kafka(&["kafka:1", bad]).check(), Err(InvalidKafka::Broker(bad.into())), "{bad}");
    }
    assert_eq!(kafka(&[]).check(), Err(InvalidKafka::NoBroker));
    for bad in ["", ".", "..", "a/b", "größe", &"a".repeat(250)] {
        let kafka = Kafka { topic: bad.into(), ..kafka(&["kafka:1"]) };
        assert_eq!(kafka.check(), Err(InvalidKafka::Topic(bad.into())), "{bad}");
    }
}

#[cfg(all(feature = "kafka", not(feature = "kafka-tls")))]
#[test]
fn what_this_binary_cannot_do_is_said_and_not_done_without() {
    let without = Err(InvalidKafka::BuiltWithout("kafka-tls"));
    assert_eq!(Kafka { tls: Some(KafkaTls::default()), ..kafka(&["kafka:1"]) }.check(), without);
    for scram in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        assert_eq!(Kafka { login: login(scram), ..kafka(&["kafka:1"]) }.check(), without);
    }
    assert_eq!(Kafka { login: login(Mechanism::Plain), ..kafka(&["kafka:1"]) }.check(), Ok(()));
}

#[cfg(feature = "kafka-tls")]
#[test]
fn with_tls_everything_is_there() {
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let tls = Some(KafkaTls::default());
        let kafka = Kafka { login: login(mechanism), tls, ..kafka(&["kafka:1"]) };
        assert_eq!(kafka.check(), Ok(()));
        client::accepts(&kafka).unwrap();
    }
}

#[cfg(not(feature = "kafka"))]
#[test]
fn a_binary_without_kafka_says_so() {
    assert_eq!(kafka(&["kafka:1"]).check(), Err(InvalidKafka::BuiltWithout("kafka")));
}

#[test]
fn nobody_sees_the_password() {
    let shown = format!("{:?}", Kafka { login: login(Mechanism::Plain), ..kafka(&["kafka:1"]) });
    assert!(shown.contains("anabranch") && !shown.contains("geheim"), "{shown}");
}
