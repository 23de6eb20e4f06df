//! Work on a list, by as many threads as there are processors.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Items that are worth a thread.
const WORTH_A_THREAD: usize = 8;

/// What `work` makes of each item, in their order. Each thread has a state of its own, from
/// `state`.
///
/// # Errors
/// The first in the order of the items. Items that no thread has begun by then are left out.
pub(crate) fn try_map<'i, T: Sync, S, R: Send, E: Send>(
    items: &'i [T],
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &'i T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(items.len().div_ceil(WORTH_A_THREAD))
        .max(1);
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results: Mutex<Vec<_>> = Mutex::new(Vec::with_capacity(items.len()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut state = state();
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(&mut state, item);
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    results
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_the_first_error_counts() {
        let items: Vec<u32> = (0..1000).collect();
        let double = |_: &mut (), item: &u32| Ok::<_, u32>(item * 2);
        let doubled = try_map(&items, || (), double).unwrap();
        assert!(doubled.iter().zip(&items).all(|(two, one)| *two == one * 2));
        let odd = |_: &mut (), item: &u32| if item % 2 == 1 { Err(*item) } else { Ok(()) };
        assert_eq!(try_map(&items[..8], || (), odd), Err(1));
        assert_eq!(try_map(&items[..0], || (), odd), Ok(Vec::new()));
    }
}
