//! What concerns the media of single connections: preferences, and what SFUs tell of them.

use std::num::{NonZeroU16, NonZeroU64};

use model::{ErrorCode, LayerName, LayerWanted, MediaFact, MediaNotice, Preference};

use super::field::{InvalidField, present, room_id, stream_id, subscription_id, user_id};
use crate::proto;
use crate::proto::media_notice::Fact;

fn invalid(field: &'static str, why: impl Into<String>) -> InvalidField {
    InvalidField { field, code: ErrorCode::Data, why: why.into() }
}

fn layer_name(text: &str) -> Result<LayerName, InvalidField> {
    LayerName::parse(text).map_err(|why| invalid("rid", why.to_string()))
}

impl From<&Preference> for proto::Preference {
    fn from(preference: &Preference) -> Self {
        Self {
            rid: preference.rid.as_ref().map(ToString::to_string).unwrap_or_default(),
            max_height: preference.max_height.map_or(0, |height| height.get().into()),
            max_bitrate: preference.max_bitrate.map_or(0, NonZeroU64::get),
            priority: Some(preference.priority.into()),
        }
    }
}

impl TryFrom<proto::Preference> for Preference {
    type Error = InvalidField;

    fn try_from(preference: proto::Preference) -> Result<Self, InvalidField> {
        let name = Some(preference.rid).filter(|rid| !rid.is_empty());
        let height = u16::try_from(preference.max_height)
            .map_err(|_| invalid("max_height", "is more than 65535 pixels"))?;
        let priority = match preference.priority {
            None => Self::PRIORITY,
            Some(priority) => u8::try_from(priority).map_err(|_| invalid("priority", "is more than 255"))?,
        };
        Ok(Self {
            rid: name.map(|rid| layer_name(&rid)).transpose()?,
            max_height: NonZeroU16::new(height),
            max_bitrate: NonZeroU64::new(preference.max_bitrate),
            priority,
        })
    }
}

impl From<&MediaNotice> for proto::MediaNotice {
    fn from(notice: &MediaNotice) -> Self {
        let fact = match &notice.fact {
            MediaFact::Layers(layers) => Fact::Layers(proto::LayersWanted {
                layers: layers
                    .iter()
                    .map(|layer| proto::LayerWanted { rid: layer.rid.to_string(), wanted: layer.wanted })
                    .collect(),
            }),
            MediaFact::Paused { sid, paused } => {
                Fact::Paused(proto::Paused { sid: sid.to_string(), paused: *paused })
            }
            MediaFact::Speaking(level) => Fact::Speaking(proto::Speaking { level: level.map(Into::into) }),
        };
        Self {
            rid: notice.rid.to_string(),
            connection: notice.connection,
            mid: notice.mid.to_string(),
            uid: notice.uid.to_string(),
            fact: Some(fact),
        }
    }
}

impl TryFrom<proto::MediaNotice> for MediaNotice {
    type Error = InvalidField;

    fn try_from(notice: proto::MediaNotice) -> Result<Self, InvalidField> {
        Ok(Self {
            rid: room_id(&notice.rid)?,
            connection: notice.connection,
            mid: stream_id(&notice.mid)?,
            uid: user_id(&notice.uid)?,
            fact: present(notice.fact, "notice.fact")?.try_into()?,
        })
    }
}

impl TryFrom<Fact> for MediaFact {
    type Error = InvalidField;

    fn try_from(fact: Fact) -> Result<Self, InvalidField> {
        let layer = |layer: proto::LayerWanted| {
            Ok(LayerWanted { rid: layer_name(&layer.rid)?, wanted: layer.wanted })
        };
        let level = |level: i32| match i8::try_from(level) {
            Ok(level @ -127..=0) => Ok(level),
            _ => Err(invalid("level", "is not within -127 to 0 dBov")),
        };
        Ok(match fact {
            Fact::Layers(wanted) => {
                Self::Layers(wanted.layers.into_iter().map(layer).collect::<Result<_, _>>()?)
            }
            Fact::Paused(paused) => {
                Self::Paused { sid: subscription_id(&paused.sid)?, paused: paused.paused }
            }
            Fact::Speaking(speaking) => Self::Speaking(speaking.level.map(level).transpose()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use model::{RoomId, StreamId, SubscriptionId, UserId};

    use super::*;

    #[test]
    fn a_preference_survives_the_wire() {
        let all = Preference {
            rid: Some(LayerName::parse("h").unwrap()),
            max_height: NonZeroU16::new(u16::MAX),
            max_bitrate: NonZeroU64::new(u64::MAX),
            priority: 0,
        };
        for preference in [all, Preference::default()] {
            assert_eq!(Preference::try_from(proto::Preference::from(&preference)), Ok(preference));
        }
        assert_eq!(Preference::try_from(proto::Preference::default()), Ok(Preference::default()));
    }

    #[test]
    fn what_is_wrong_with_a_preference_is_named() {
        let wrong = [
            (proto::Preference { rid: "a b".into(), ..Default::default() }, "rid"),
            (proto::Preference { max_height: 65_536, ..Default::default() }, "max_height"),
            (proto::Preference { priority: Some(256), ..Default::default() }, "priority"),
        ];
        for (preference, field) in wrong {
            let error = Preference::try_from(preference).unwrap_err();
            assert_eq!((error.field, error.code), (field, ErrorCode::Data));
        }
    }

    fn notice(fact: MediaFact) -> MediaNotice {
        MediaNotice {
            rid: RoomId::parse("tea").unwrap(),
            connection: u64::MAX,
            mid: StreamId::parse("ann#1").unwrap(),
            uid: UserId::parse("ann").unwrap(),
            fact,
        }
    }

    #[test]
    fn every_fact_survives_the_wire() {
        let layer = |name, wanted| LayerWanted { rid: LayerName::parse(name).unwrap(), wanted };
        for fact in [
            MediaFact::Layers(vec![layer("q", true), layer("f", false)]),
            MediaFact::Layers(Vec::new()),
            MediaFact::Paused { sid: SubscriptionId::parse("ben#2").unwrap(), paused: true },
            MediaFact::Speaking(Some(-127)),
            MediaFact::Speaking(Some(0)),
            MediaFact::Speaking(None),
        ] {
            let notice = notice(fact);
            assert_eq!(MediaNotice::try_from(proto::MediaNotice::from(&notice)), Ok(notice));
        }
    }

    #[test]
    fn a_fact_that_is_none_is_refused() {
        for level in [1, -128, 1000] {
            let mut wrong = proto::MediaNotice::from(&notice(MediaFact::Speaking(None)));
            wrong.fact = Some(Fact::Speaking(proto::Speaking { level: Some(level) }));
            assert_eq!(MediaNotice::try_from(wrong).unwrap_err().field, "level");
        }
        let mut empty = proto::MediaNotice::from(&notice(MediaFact::Speaking(None)));
        empty.fact = None;
        assert_eq!(MediaNotice::try_from(empty).unwrap_err().field, "notice.fact");
    }
}
