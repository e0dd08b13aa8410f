//! What is so with the media of a stream or a subscription, for the connection that made it.
//!
//! Only what is so now is kept. Who is behind reads the latest, and who comes anew reads all of it.

use model::{
    LayerWanted, MediaFact, MediaNotice, NodeId, Owner,
    ids::{StreamId, SubscriptionId},
};

use super::{Directory, Maps};

/// Something that can be told of. Several facts of one topic are told one by one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// Which layers of the stream are wanted.
    Layers(StreamId),
    /// Whether the subscription is paused.
    Pause(SubscriptionId),
    /// Whether somebody speaks in the stream.
    Speech(StreamId),
}

/// `None`: nothing was said yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StreamState {
    layers: Option<Vec<LayerWanted>>,
    speech: Option<Option<i8>>,
    muted: bool,
}

/// `None`: nothing was said yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SubscriptionState {
    paused: Option<bool>,
}

/// The node to tell.
fn node(heard_by: Option<&Owner>) -> Option<NodeId> {
    heard_by.map(|owner| owner.signal.clone())
}

impl Directory {
    /// Takes down which layers are wanted. Answers the node that is to hear of it.
    pub(crate) fn note_layers(&self, mid: &StreamId, layers: Vec<LayerWanted>) -> Option<NodeId> {
        let mut maps = self.maps.lock();
        let entry = maps.streams.get_mut(mid)?;
        entry.state.layers = Some(layers);
        node(entry.heard_by.as_ref())
    }

    /// Takes down whether somebody speaks. Answers the node that is to hear of it: none for a muted stream, which nobody
    /// hears.
    pub(crate) fn note_speech(&self, mid: &StreamId, level: Option<i8>) -> Option<NodeId> {
        let mut maps = self.maps.lock();
        let entry = maps.streams.get_mut(mid).filter(|entry| !entry.state.muted)?;
        entry.state.speech = Some(level);
        node(entry.heard_by.as_ref())
    }

    /// The stream is muted, or no longer. Answers the node that is to hear that nobody speaks in it any more.
    pub(crate) fn note_mute(&self, mid: &StreamId, muted: bool) -> Option<NodeId> {
        let mut maps = self.maps.lock();
        let entry = maps.streams.get_mut(mid)?;
        entry.state.muted = muted;
        let spoke = matches!(entry.state.speech, Some(Some(_)));
        entry.state.speech = entry.state.speech.and(Some(None));
        node(entry.heard_by.as_ref()).filter(|_| spoke)
    }

    /// Takes down whether a subscription is paused. Answers the node that is to hear of it.
    pub(crate) fn note_pause(&self, sid: &SubscriptionId, paused: bool) -> Option<NodeId> {
        let mut maps = self.maps.lock();
        let entry = maps.subscriptions.get_mut(sid)?;
        entry.state.paused = Some(paused);
        node(entry.heard_by.as_ref())
    }

    /// All that a node could be told.
    pub(crate) fn topics(&self, node: &NodeId) -> Vec<Topic> {
        let maps = self.maps.lock();
        let is_theirs =
            |heard_by: &Option<Owner>| heard_by.as_ref().is_some_and(|owner| owner.signal == *node);
        let mut topics = Vec::new();
        for (mid, _) in maps.streams.iter().filter(|(_, entry)| is_theirs(&entry.heard_by)) {
            topics.extend([Topic::Layers(mid.clone()), Topic::Speech(mid.clone())]);
        }
        let theirs = maps.subscriptions.iter().filter(|(_, entry)| is_theirs(&entry.heard_by));
        topics.extend(theirs.map(|(sid, _)| Topic::Pause(sid.clone())));
        // What was never said is not told.
        topics.retain(|topic| maps.fact(topic).is_some());
        topics
    }

    /// What is so with a topic now, where this node's client is to hear of it.
    pub(crate) fn notice(&self, node: &NodeId, topic: &Topic) -> Option<MediaNotice> {
        let maps = self.maps.lock();
        let fact = maps.fact(topic)?;
        let (rid, mid, heard_by) = match topic {
            Topic::Layers(mid) | Topic::Speech(mid) => {
                let entry = maps.streams.get(mid)?;
                (&entry.rid, mid, &entry.heard_by)
            }
            Topic::Pause(sid) => {
                let entry = maps.subscriptions.get(sid)?;
                (&entry.rid, &entry.mid, &entry.heard_by)
            }
        };
        let connection = heard_by.as_ref().filter(|owner| owner.signal == *node)?.connection;
        let uid = maps.streams.get(mid)?.uid.clone();
        Some(MediaNotice { rid: rid.clone(), connection, mid: mid.clone(), uid, fact })
    }
}

impl Maps {
    fn fact(&self, topic: &Topic) -> Option<MediaFact> {
        Some(match topic {
            Topic::Layers(mid) => MediaFact::Layers(self.streams.get(mid)?.state.layers.clone()?),
            Topic::Speech(mid) => MediaFact::Speaking(self.streams.get(mid)?.state.speech?),
            Topic::Pause(sid) => {
                let paused = self.subscriptions.get(sid)?.state.paused?;
                MediaFact::Paused { sid: sid.clone(), paused }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use model::ids::{LayerName, RoomId, UserId};

    use super::super::Party;
    use super::*;

    fn mid() -> StreamId {
        StreamId::parse("ann#1").unwrap()
    }

    fn sid() -> SubscriptionId {
        SubscriptionId::parse("ben#2").unwrap()
    }

    fn rid() -> RoomId {
        RoomId::parse("tea").unwrap()
    }

    fn owner(signal: &str, connection: u64) -> Owner {
        Owner { signal: NodeId::parse(signal).unwrap(), connection }
    }

    fn party(uid: &str, connection: Option<Owner>) -> Party {
        Party { rid: rid(), uid: UserId::parse(uid).unwrap(), connection }
    }

    /// Ann's stream came through one node, ben's subscription of it through another.
    fn call() -> Directory {
        let directory = Directory::new(1);
        directory.add_stream(&mid(), party("ann", Some(owner("one", 1))), Instant::now()).unwrap();
        let ben = party("ben", Some(owner("other", 2)));
        directory.add_subscription(&sid(), &mid(), ben, 0, |home, _| home).unwrap();
        directory
    }

    fn layers(wanted: bool) -> Vec<LayerWanted> {
        vec![LayerWanted { rid: LayerName::parse("q").unwrap(), wanted }]
    }

    #[test]
    fn each_side_is_told_what_concerns_it_through_its_own_node() {
        let directory = call();
        let (one, other) = (owner("one", 1).signal, owner("other", 2).signal);
        assert_eq!((directory.topics(&one), directory.topics(&other)), (Vec::new(), Vec::new()));
        assert_eq!(directory.note_layers(&mid(), layers(false)), Some(one.clone()));
        assert_eq!(directory.note_pause(&sid(), true), Some(other.clone()));
        assert_eq!(directory.note_speech(&mid(), Some(-30)), Some(one.clone()));

        assert_eq!(directory.topics(&one), [Topic::Layers(mid()), Topic::Speech(mid())]);
        assert_eq!(directory.topics(&other), [Topic::Pause(sid())]);
        let paused = directory.notice(&other, &Topic::Pause(sid())).unwrap();
        assert_eq!((paused.connection, paused.uid.as_str()), (2, "ann"));
        assert_eq!(paused.fact, MediaFact::Paused { sid: sid(), paused: true });
        assert_eq!(directory.notice(&one, &Topic::Pause(sid())), None, "not its client");
        let wanted = directory.notice(&one, &Topic::Layers(mid())).unwrap();
        assert_eq!((wanted.connection, wanted.fact), (1, MediaFact::Layers(layers(false))));
    }

    #[test]
    fn the_latest_is_told_and_nothing_of_what_has_ended() {
        let directory = call();
        let other = owner("other", 2).signal;
        directory.note_pause(&sid(), true);
        directory.note_pause(&sid(), false);
        let notice = directory.notice(&other, &Topic::Pause(sid())).unwrap();
        assert_eq!(notice.fact, MediaFact::Paused { sid: sid(), paused: false });
        directory.remove_subscription(&sid());
        assert_eq!(directory.notice(&other, &Topic::Pause(sid())), None);
        assert_eq!(directory.note_pause(&sid(), true), None);
    }

    #[test]
    fn who_claims_it_hears_of_it() {
        let directory = call();
        directory.note_layers(&mid(), layers(true));
        let new = owner("third", 3);
        let ann = UserId::parse("ann").unwrap();
        let claim = |owner: Option<&Owner>| {
            directory.claim(&rid(), &ann, owner, vec![mid()], Vec::new(), Instant::now());
        };
        claim(None);
        assert!(directory.notice(&owner("one", 1).signal, &Topic::Layers(mid())).is_some());
        claim(Some(&new));
        assert_eq!(directory.notice(&owner("one", 1).signal, &Topic::Layers(mid())), None);
        assert_eq!(directory.notice(&new.signal, &Topic::Layers(mid())).unwrap().connection, 3);
        assert_eq!(directory.note_layers(&mid(), layers(false)), Some(new.signal));
    }

    #[test]
    fn a_muted_stream_does_not_speak() {
        let directory = call();
        let one = owner("one", 1).signal;
        assert_eq!(directory.note_mute(&mid(), true), None, "nobody spoke");
        assert_eq!(directory.note_speech(&mid(), Some(-30)), None);
        directory.note_mute(&mid(), false);
        assert_eq!(directory.note_speech(&mid(), Some(-30)), Some(one.clone()));
        assert_eq!(directory.note_mute(&mid(), true), Some(one.clone()));
        let fact = directory.notice(&one, &Topic::Speech(mid())).map(|notice| notice.fact);
        assert_eq!(fact, Some(MediaFact::Speaking(None)));
    }

    #[test]
    fn who_does_not_say_through_which_connection_hears_nothing() {
        let directory = Directory::new(1);
        directory.add_stream(&mid(), party("ann", None), Instant::now()).unwrap();
        assert_eq!(directory.note_layers(&mid(), layers(false)), None);
    }
}
