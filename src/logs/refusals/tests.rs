use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::limits::Limits;
use crate::logs::record::Column;
use crate::viewer::Viewer;

/// Bytes to choose from, one after the other; zeros at their end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u64 {
        u64::from(self.next()) << (self.next() % 50)
    }

    fn column<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Column<T> {
        match self.next() % 3 {
            0 => Column::Missing,
            1 => Column::Dash,
            _ => Column::Value(value(self)),
        }
    }

    fn text(&mut self) -> Box<str> {
        const TEXTS: [&str; 8] =
            ["", "-", "GET", "Error", "10.1.2.3", "2001:db8::1", "2001:DB8::1", "\u{e9}"];
        TEXTS[usize::from(self.next() % 8)].into()
    }

    fn viewer(&mut self) -> Viewer {
        let long: Vec<u8> = (0..self.next() % 5).map(|_| self.next()).collect();
        Viewer::new(&long)
    }

    fn refusal(&mut self) -> Refusal {
        let ms = self.number() % 1_000_000_000_000;
        let nanoseconds = i128::from(ms) * 1_000_003 - i128::from(self.number() % 1_000_000_000);
        Refusal {
            time: Timestamp::from_nanosecond(nanoseconds).unwrap(),
            time_taken_ms: self.column(|from| from.number() as u32).value().copied(),
            request_id: self.column(Self::text).value().cloned(),
            distribution_id: self.column(Self::text).value().cloned(),
            distribution_domain: self.column(Self::text).value().cloned(),
            tenant_id: self.column(Self::text).value().cloned(),
            status: if self.next().is_multiple_of(4) { 200 } else { 403 },
            method: self.text(),
            host: self.column(Self::viewer),
            path: self.viewer(),
            query: self.column(Self::viewer),
            cookie: self.column(Self::viewer),
            cookie_cut_at: self.column(|from| from.number() as usize).value().copied(),
            user_agent: self.column(Self::viewer),
            client_ip: self.column(Self::text),
            country: self.column(Self::text),
            country_by_address: self.column(Self::text).value().cloned(),
            edge: self.text(),
            protocol: self.column(Self::text),
            protocol_version: self.column(Self::text),
            result_type: self.column(Self::text),
            response_result_type: self.column(Self::text),
            detailed_result_type: self.column(Self::text),
            content_type: self.column(Self::text),
            content_length: self.column(Self::number),
            received_bytes: self.column(Self::number),
            first_byte_ms: self.column(|from| from.number() as u32),
            origin_first_byte_ms: self.column(|from| from.number() as u32),
            origin_host: self.column(Self::text),
            failover: self.column(Self::text),
            behavior: self.column(Self::text),
            connection_id: self.column(Self::text),
        }
    }
}

fn some() -> impl Strategy<Value = Refusal> {
    prop::collection::vec(any::<u8>(), 120).prop_map(|bytes| Bytes(&bytes).refusal())
}

fn all(refusals: &[Refusal], limit: usize) -> Refusals {
    let limits = Limits { refusal_bytes: limit, ..Limits::default() };
    let mut all = Refusals::within(&Context { limits, ..Context::default() });
    all.extend(refusals.iter().cloned());
    all
}

/// What is left of them, and how many are gone.
fn left(mut refusals: Refusals) -> (Vec<Refusal>, u64, (u64, u64)) {
    refusals.settle();
    (refusals.iter().collect(), refusals.one_in(), refusals.left_out())
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(refusals in prop::collection::vec(some(), 0..20)) {
        let packed = all(&refusals, usize::MAX);
        prop_assert_eq!(packed.iter().collect::<Vec<_>>(), refusals.clone());
        for (glance, refusal) in packed.glances().zip(&refusals) {
            prop_assert_eq!(glance.time, refusal.time);
            prop_assert_eq!(glance.request_id, refusal.request_id.as_deref());
            prop_assert_eq!(glance.status, refusal.status);
            prop_assert_eq!(glance.client_ip, refusal.client_ip.clone());
            prop_assert_eq!(glance.distribution_domain, refusal.distribution_domain.as_deref());
        }
        let mut twice = all(&refusals, usize::MAX);
        twice.merge(packed);
        prop_assert_eq!(twice.iter().collect::<Vec<_>>(), [&refusals[..], &refusals].concat());
    }

    #[test]
    fn what_stays_depends_on_no_order_no_split_and_no_repetition(
        mut refusals in prop::collection::vec(some(), 0..120),
        limit in 2000usize..12_000,
        split in any::<prop::sample::Index>(),
    ) {
        // Each its own id: what came twice with one id and is not the same stays by its order.
        for (number, refusal) in refusals.iter_mut().enumerate() {
            refusal.request_id = Some(format!("id-{number}").into());
        }
        let whole = left(all(&refusals, limit));
        prop_assert!(whole.0.iter().all(|one| refusals.contains(one)));
        let [forbidden, masked] = [true, false].map(|is| {
            refusals.iter().filter(|one| (one.status == 403) == is).count() as u64
                - whole.0.iter().filter(|one| (one.status == 403) == is).count() as u64
        });
        prop_assert_eq!(whole.2, (forbidden, masked));
        let at = split.index(refusals.len() + 1);
        let mut parts = all(&refusals[at..], limit);
        parts.merge(all(&refusals[..at], limit));
        parts.merge(all(&refusals[at / 2..], limit));
        prop_assert_eq!(&left(parts), &whole);
        refusals.reverse();
        prop_assert_eq!(&left(all(&[&refusals[..], &refusals].concat(), limit)), &whole);
    }
}

#[test]
fn what_somebody_asks_about_stays() {
    let refusals: Vec<Refusal> = (0..500)
        .map(|n: u32| Refusal { request_id: Some(n.to_string().into()), ..Refusal::default() })
        .collect();
    let asked: BTreeSet<u64> = ["7", "77", "499"].map(|id| key_hash(&[id.as_bytes()])).into();
    let limits = Limits { refusal_bytes: 1000, ..Limits::default() };
    let context = Context { limits, asked: Arc::new(asked), ..Context::default() };
    let mut all = Refusals::within(&context);
    all.extend(refusals);
    all.settle();
    assert!(all.len() < 50);
    let ids: Vec<_> = all.glances().filter_map(|one| one.request_id).collect();
    assert!(["7", "77", "499"].iter().all(|id| ids.contains(id)), "{ids:?}");
}

#[test]
fn threads_hand_over_what_is_too_much_for_each() {
    let refusal = |n: usize| Refusal {
        request_id: Some(n.to_string().into()),
        path: Viewer::new(format!("/{n}").as_bytes()),
        status: 403,
        ..Refusal::default()
    };
    let common = Common::default();
    let part = |from: usize| {
        let mut part = Refusals::default();
        part.share(&common);
        part.extend((from..from + 80_000).map(refusal));
        assert!(part.cost() <= HANDED_OVER);
        part
    };
    let parts = [part(0), part(40_000)];
    let mut together = mem::take(&mut *common.lock().unwrap());
    assert!(!together.is_empty());
    parts.into_iter().for_each(|part| together.merge(part));
    let alone: Vec<Refusal> = (0..120_000).map(refusal).collect();
    assert_eq!(left(together), left(all(&alone, REFUSAL_BYTES)));
}
