use proptest::prelude::*;

use super::*;

fn mid(name: &str) -> StreamId {
    StreamId::parse(name).unwrap()
}

fn node(name: &str) -> NodeId {
    NodeId::parse(name).unwrap()
}

/// A room of which one node tells.
#[derive(Default)]
struct Talk {
    speakers: Speakers,
    now: u64,
}

impl Talk {
    /// These speak for the next 250 ms, and all others are silent; what is told of it.
    fn hear(&mut self, levels: &[(&str, i8)]) -> Option<Vec<(String, i8)>> {
        let speakers = levels.iter().map(|(name, level)| Speaker { mid: mid(name), level: *level }).collect();
        self.speakers.hear_all(self.now, &SpeakersOfNode { node: node("a"), speakers });
        let told = self.speakers.look(self.now, |_| true);
        self.now += 250;
        told.map(|told| told.iter().map(|speaker| (speaker.mid.to_string(), speaker.level)).collect())
    }

    fn names(&mut self, levels: &[(&str, i8)]) -> Option<String> {
        let told = self.hear(levels)?;
        Some(told.into_iter().map(|(name, _)| name).collect())
    }
}

#[test]
fn the_loudest_three_are_told_loudest_first_and_silence_too() {
    let mut talk = Talk::default();
    let everybody = [("a", -40), ("b", -20), ("c", -30), ("d", -50)];
    let loudest = [("b".to_owned(), -20), ("c".to_owned(), -30), ("a".to_owned(), -40)];
    assert_eq!(talk.hear(&everybody), Some(loudest.to_vec()));
    assert_eq!(talk.hear(&everybody), None, "nothing changes");
    assert_eq!(talk.names(&[("a", -40), ("d", -50)]).as_deref(), Some("ad"));
    assert_eq!(talk.hear(&[]), Some(Vec::new()));
    assert_eq!(talk.hear(&[]), None);
    assert!(talk.speakers.is_quiet());
}

#[test]
fn two_who_are_about_as_loud_do_not_flap() {
    let mut talk = Talk::default();
    assert_eq!(talk.names(&[("a", -30), ("b", -31)]).as_deref(), Some("ab"));
    for _ in 0..20 {
        assert_eq!(talk.names(&[("a", -31), ("b", -30)]), None);
        assert_eq!(talk.names(&[("a", -30), ("b", -31)]), None);
    }
}

#[test]
fn who_is_clearly_louder_moves_up_at_once_and_who_is_a_little_louder_after_a_while() {
    let mut talk = Talk::default();
    assert_eq!(talk.names(&[("a", -30), ("b", -40)]).as_deref(), Some("ab"));
    assert_eq!(talk.names(&[("a", -30), ("b", -27)]).as_deref(), Some("ba"));
    assert_eq!(talk.names(&[("a", -26), ("b", -27)]), None);
    assert_eq!(talk.names(&[("a", -26), ("b", -27)]), None);
    assert_eq!(talk.names(&[("a", -26), ("b", -27)]).as_deref(), Some("ab"), "half a second later");
}

#[test]
fn a_fourth_gets_a_place_by_being_clearly_louder_or_louder_for_a_while() {
    let mut talk = Talk::default();
    let three = [("a", -20), ("b", -30), ("c", -40)];
    assert_eq!(talk.names(&three).as_deref(), Some("abc"));
    let with = |level| [three[0], three[1], three[2], ("d", level)];
    assert_eq!(talk.names(&with(-39)), None);
    assert_eq!(talk.names(&with(-39)), None);
    assert_eq!(talk.names(&with(-39)).as_deref(), Some("abd"));
    assert_eq!(talk.names(&[("a", -20), ("b", -30), ("c", -35), ("d", -39)]).as_deref(), Some("abc"));
}

#[test]
fn levels_alone_are_told_once_a_second_and_only_where_they_changed() {
    let mut talk = Talk::default();
    assert!(talk.hear(&[("a", -30)]).is_some());
    let told: Vec<_> = (0..12).filter_map(|turn| talk.hear(&[("a", -20 - 5 * (turn % 2))])).collect();
    assert!((2..=3).contains(&told.len()), "{told:?}");
    let last = told[told.len() - 1][0].1;
    let steady: Vec<_> = (0..12).filter_map(|_| talk.hear(&[("a", last + 1)])).collect();
    assert_eq!(steady, Vec::<Vec<(String, i8)>>::new());
}

#[test]
fn what_is_not_repeated_is_forgotten() {
    let mut speakers = Speakers::default();
    speakers.hear(0, &node("a"), &mid("m"), Some(-30));
    assert!(speakers.look(LIFETIME_MS - 1, |_| true).is_some());
    assert_eq!(speakers.look(LIFETIME_MS, |_| true), Some(Vec::new()));
    assert!(speakers.is_quiet());
}

#[test]
fn streams_that_do_not_count_are_not_told() {
    let mut speakers = Speakers::default();
    speakers.hear(0, &node("a"), &mid("gone"), Some(-10));
    speakers.hear(0, &node("a"), &mid("here"), Some(-30));
    let told = speakers.look(0, |mid| mid.as_str() == "here").unwrap();
    assert_eq!(told, [Speaker { mid: mid("here"), level: -30 }]);
}

#[test]
fn a_node_speaks_for_its_own_clients_alone() {
    let (mut one, mut other) = (Speakers::default(), Speakers::default());
    one.hear(0, &node("a"), &mid("m"), Some(-30));
    other.hear(0, &node("b"), &mid("n"), Some(-20));
    let (said, answer) = (one.of(0, &node("a")), other.of(0, &node("b")));
    assert_eq!(said.speakers, [Speaker { mid: mid("m"), level: -30 }]);
    other.hear_all(0, &said);
    one.hear_all(0, &answer);
    assert_eq!(one.look(0, |_| true), other.look(0, |_| true));
    assert_eq!(one.of(0, &node("a")), said, "what others said is not repeated");

    one.hear(0, &node("a"), &mid("m"), None);
    other.hear_all(250, &one.of(250, &node("a")));
    assert_eq!(other.look(250, |_| true), Some(vec![Speaker { mid: mid("n"), level: -20 }]));
}

proptest! {
    /// Whatever is heard: no more than three, nobody twice, nobody who is silent; and in the end, when the levels stay,
    /// the loudest in their order.
    #[test]
    fn the_places_are_for_the_loudest(
        turns in prop::collection::vec(prop::collection::vec((0u8..8, -60i8..0), 0..8), 1..40),
    ) {
        let mut speakers = Speakers::default();
        let mut now = 0;
        let turn = |speakers: &mut Speakers, now: u64, turn: &[(u8, i8)]| {
            let named = |&(name, level): &(u8, i8)| Speaker { mid: mid(&name.to_string()), level };
            let mut named: Vec<Speaker> = turn.iter().map(named).collect();
            named.truncate(SpeakersOfNode::MOST);
            speakers.hear_all(now, &SpeakersOfNode { node: node("a"), speakers: named.clone() });
            (speakers.look(now, |_| true), named)
        };
        for levels in &turns {
            let (told, named) = turn(&mut speakers, now, levels);
            let told = told.unwrap_or_else(|| speakers.told().to_vec());
            prop_assert!(told.len() <= PLACES);
            for (nth, speaker) in told.iter().enumerate() {
                prop_assert!(named.iter().any(|named| named.mid == speaker.mid));
                prop_assert!(told.iter().skip(nth + 1).all(|other| other.mid != speaker.mid));
            }
            now += 250;
        }
        let last = turns.last().unwrap();
        for _ in 0..8 {
            turn(&mut speakers, now, last);
            now += 250;
        }
        let mut levels: BTreeMap<String, i8> = BTreeMap::new();
        last.iter().take(SpeakersOfNode::MOST).for_each(|(name, level)| _ = levels.insert(name.to_string(), *level));
        let mut loudest: Vec<_> = levels.into_iter().collect();
        loudest.sort_by_key(|(_, level)| -i16::from(*level));
        loudest.truncate(PLACES);
        let shown: Vec<_> = speakers.told().iter().map(|speaker| speaker.mid.to_string()).collect();
        prop_assert_eq!(shown, loudest.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
    }
}
