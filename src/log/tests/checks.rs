//! Reads the whole log in every way and compares it with the list of what was appended.

use super::*;

impl Case {
    pub(super) fn check(&self, random: &mut Random) {
        let last = self.events.len() as u64;
        assert_eq!(self.log().tip().unwrap(), self.tip);
        if last == 0 {
            return;
        }
        self.check_forwards(1, random.below(30_000));
        for _ in 0..4 {
            let from = 1 + random.below(self.events.len()) as u64;
            self.check_forwards(from, 1 + random.below(3000));
            self.check_backwards(from, random.below(9000));
        }
        self.check_filtered(random);
    }

    fn stored(&self, position: Position) -> Vec<u8> {
        self.events[usize::try_from(position - 1).unwrap()].clone()
    }

    fn expect(&self, encoded: &EncodedEvents, positions: &[Position]) {
        assert!(!positions.is_empty());
        assert_eq!((encoded.first, encoded.last), (positions[0], *positions.last().unwrap()));
        assert_eq!(encoded.count, positions.len());
        let expected: Vec<u8> = positions.iter().flat_map(|at| self.stored(*at)).collect();
        assert!(encoded.events == expected, "wrong bytes at {positions:?}");
    }

    pub(super) fn check_forwards(&self, from: Position, max_bytes: usize) {
        let (mut next, head) = (from, self.events.len() as u64);
        while next <= head {
            let encoded = self.log().page(next, head, max_bytes).unwrap();
            assert!(encoded.events.len() <= max_bytes || encoded.count == 1);
            self.expect(&encoded, &(next..=encoded.last).collect::<Vec<_>>());
            next = encoded.last + 1;
        }
    }

    fn check_backwards(&self, from: Position, max_bytes: usize) {
        let mut next = from;
        while next > 0 {
            let encoded = self.log().page_back(next, 1, max_bytes).unwrap();
            assert!(encoded.events.len() <= max_bytes || encoded.count == 1);
            self.expect(&encoded, &(encoded.last..=next).rev().collect::<Vec<_>>());
            next = encoded.last - 1;
        }
    }

    fn check_filtered(&self, random: &mut Random) {
        self.wait_indexed();
        let stream = format!("c{}/s{}", random.below(3), random.below(4));
        let category = format!("c{}", random.below(3));
        let items = vec![
            FilterItem {
                streams: vec![StreamName::parse(&stream).unwrap()],
                ..FilterItem::default()
            },
            FilterItem {
                categories: vec![Category::parse(&category).unwrap()],
                tags: vec![crate::domain::name::Tag::parse("k:1").unwrap()],
                ..FilterItem::default()
            },
        ];
        let expected: Vec<Position> = (1..)
            .zip(&self.labels)
            .filter(|(_, event)| {
                let tagged = event.tags.contains(&"k:1".to_owned());
                event.stream == stream || (event.stream.starts_with(&category) && tagged)
            })
            .map(|(position, _)| position)
            .collect();
        let span = Span { after: 0, up_to: u64::MAX };
        let filter = Filter::new(items).unwrap();
        for direction in [Direction::Forwards, Direction::Backwards] {
            let lookup = self.log().index().lookup(Blocking::Allowed);
            let found = lookup.matches(&filter, span, direction, usize::MAX).unwrap();
            let mut rest = &found[..];
            while let Some(encoded) = self.log().events_at(rest, 4000).unwrap() {
                self.expect(&encoded, &rest[..encoded.count]);
                if let Some(resident) = self.log().resident(rest, 4000) {
                    assert_eq!(resident, encoded);
                }
                rest = &rest[encoded.count..];
            }
            let mut rising = found;
            rising.sort_unstable();
            assert_eq!(rising, expected);
        }
    }
}
