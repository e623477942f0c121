//! Work on one object that fails in a way that nobody foresaw, and what that means to the others:
//! nothing.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::NO_TIME;
use super::objects::Seen;
use crate::incidents::store::Partial;
use crate::trigger::Object;

/// Does work on one object. A panic is a permanent fault of that object: whatever made it would
/// make it again. What it says goes to the log alone, since it may quote what a viewer sent.
pub fn alone<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, Partial> {
    // What the work has changed before it failed belongs to the object, which is set aside.
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| Partial { reason: format!("panic: {what} failed on it"), offset: 0 })
}

/// Reads a few objects at the same time, each on a thread of its own. A panic concerns its object
/// alone, and so does an answer that never comes: the thread that waits for it is left behind.
pub async fn read<W>(some: Vec<(Object, W)>, stop: Instant) -> Vec<(Object, Seen)>
where
    W: FnOnce() -> Seen + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut running = BTreeMap::new();
    for (object, work) in some {
        let task = tasks.spawn_blocking(move || alone("reading", work).unwrap_or_else(Seen::Never));
        running.insert(task.id(), object);
    }
    let mut seen = Vec::new();
    loop {
        let (id, one) = match timeout_at(stop.into(), tasks.join_next_with_id()).await {
            Ok(None) => break,
            Err(_) => {
                let hangs = std::mem::take(&mut running).into_values();
                seen.extend(hangs.map(|object| (object, Seen::Later(NO_TIME.to_owned()))));
                break;
            }
            Ok(Some(Ok((id, one)))) => (id, one),
            Ok(Some(Err(error))) => (error.id(), Seen::Later(error.to_string())),
        };
        if let Some(object) = running.remove(&id) {
            seen.push((object, one));
        }
    }
    seen.sort_by(|(a, _), (b, _)| a.cmp(b));
    seen
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    type Work = Box<dyn FnOnce() -> Seen + Send>;

    fn object(name: &str) -> Object {
        Object { key: name.into(), ..Object::default() }
    }

    #[test]
    fn a_panic_or_a_silence_of_one_object_concerns_no_other() {
        // Whoever hangs goes on when the test is over.
        let (held, silence) = mpsc::channel::<()>();
        let broken: Work = Box::new(|| {
            let nothing: Vec<u8> = Vec::new();
            Seen::Waf(u64::from(nothing[std::hint::black_box(7)]), None)
        });
        let hangs: Work = Box::new(move || {
            let _ = silence.recv();
            Seen::Ignored
        });
        let some: Vec<(Object, Work)> = vec![
            (object("a"), Box::new(|| Seen::Waf(3, None))),
            (object("b"), broken),
            (object("c"), hangs),
            (object("d"), Box::new(|| Seen::Ignored)),
        ];
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        let stop = Instant::now() + Duration::from_millis(300);
        let seen = runtime.block_on(read(some, stop));
        drop(held);
        let names: Vec<&str> = seen.iter().map(|(object, _)| object.key.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        let fates: Vec<&Seen> = seen.iter().map(|(_, seen)| seen).collect();
        assert!(matches!(fates[0], Seen::Waf(3, None)));
        assert!(
            matches!(fates[1], Seen::Never(why) if why.reason == "panic: reading failed on it")
        );
        assert!(matches!(fates[2], Seen::Later(why) if why == NO_TIME));
        assert!(matches!(fates[3], Seen::Ignored));
    }

    #[test]
    fn a_panic_is_a_permanent_fault_and_quotes_nobody() {
        let secret = String::from("token=abc");
        let why = alone("the analysis", || {
            let cut = std::hint::black_box(1);
            let broken = format!("é{secret}");
            broken.split_at(cut).1.len()
        });
        assert_eq!(
            why,
            Err(Partial { reason: "panic: the analysis failed on it".into(), offset: 0 })
        );
        assert_eq!(alone("the analysis", || 7), Ok(7));
    }
}
