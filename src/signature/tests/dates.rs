//! The dates, at and around their boundaries.

use super::*;

fn checked(query: &str, end: i64, taken: i64) -> Checks {
    present(&Asked { began: began(end, taken), ..with_query(query) }).checks
}

#[test]
fn the_end_is_compared_with_the_beginning_of_the_request() {
    let query = canned(END);
    let cases = [
        // (logged end, milliseconds taken, answer)
        (END - 2, 0, Check::Holds),
        // The answer ended within this second, perhaps at its very end.
        (END - 1, 0, Check::MayFail),
        (END - 1, 1, Check::MayFail),
        (END - 1, 2, Check::Holds),
        (END, 5, Check::MayFail),
        (END, 1_000, Check::MayFail),
        // It began before the end whatever the log's second hides.
        (END, 1_002, Check::Holds),
        (END + 1, 0, Check::MayFail),
        (END + 1, 500, Check::MayFail),
        (END + 2, 5, Check::Fails),
        (END + 2, 998, Check::Fails),
        (END + 2, 999, Check::Fails),
        (END + 2, 1_000, Check::MayFail),
        // A slow download that ended long after, but began in time.
        (END + 3_600, 3_700_000, Check::Holds),
        (END + 3_600, 5, Check::Fails),
    ];
    for (end, taken, wanted) in cases {
        assert_eq!(checked(&query, end, taken).end, wanted, "{} {taken}", end - END);
    }
}

#[test]
fn the_start_is_refused_on_and_before_it() {
    let text = policy("*", &format!(r#","DateGreaterThan":{{"AWS:EpochTime":{END}}}"#));
    let query = custom(&text);
    let cases = [
        (END - 2, 0, Check::Fails),
        (END - 1, 0, Check::MayFail),
        (END - 1, 2, Check::Fails),
        (END, 2_000, Check::Fails),
        (END, 5, Check::MayFail),
        (END + 1, 5, Check::MayFail),
        (END + 2, 5, Check::Holds),
        (END + 1, 0, Check::MayFail),
    ];
    for (end, taken, wanted) in cases {
        assert_eq!(checked(&query, end, taken).start, wanted, "{} {taken}", end - END);
    }
    assert_eq!(checks(&canned(END)).start, Check::NotAsked);
}

#[test]
fn real_time_logs_leave_less_room() {
    let end = Timestamp::from_millisecond(END * 1_000 + 1_006).unwrap();
    let step = SignedDuration::from_millis(1);
    let query = canned(END);
    let check = |taken| {
        let began = Began::from_end(end, step, SignedDuration::from_millis(taken));
        present(&Asked { began, ..with_query(&query) }).checks.end
    };
    assert_eq!(check(5), Check::Fails);
    assert_eq!(check(6), Check::MayFail);
    assert_eq!(check(1_007), Check::MayFail);
    assert_eq!(check(1_009), Check::Holds);
}

#[test]
fn without_a_time_nothing_is_known_of_the_dates() {
    let query = canned(0);
    let found = present(&Asked { began: None, ..with_query(&query) });
    assert_eq!(found.checks.end, Check::Unknown);
    let far = SignedDuration::from_secs(1);
    assert_eq!(Began::from_end(Timestamp::MAX, far, SignedDuration::ZERO), None);
    assert_eq!(Began::from_end(Timestamp::MIN, far, SignedDuration::MAX), None);
}

#[test]
fn a_custom_policy_ends_with_date_less_than() {
    let ended = custom(&policy("*", "").replace("2000000000", "1000000000"));
    assert_eq!(faults(&ended), [(Fault::Expired, Certainty::Certain)]);
    let negative = custom(&policy("*", "").replace("2000000000", "-5"));
    assert_eq!(faults(&negative), [(Fault::Expired, Certainty::Certain)]);
}
