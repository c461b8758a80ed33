//! Sorting.

/// Sorts numbers by an order of the caller's: a heap, so that no order makes it slow. The library's own would bring
/// panic paths along.
#[inline(never)]
pub fn sort(items: &mut [usize], is_less: &dyn Fn(usize, usize) -> bool) {
    for start in (0..items.len() / 2).rev() {
        sink(items, start, is_less);
    }
    for last in (1..items.len()).rev() {
        swap(items, 0, last);
        sink(items.get_mut(..last).unwrap_or_default(), 0, is_less);
    }
}

fn swap(items: &mut [usize], one: usize, other: usize) {
    let (Some(a), Some(b)) = (items.get(one).copied(), items.get(other).copied()) else { return };
    if let Some(place) = items.get_mut(one) {
        *place = b;
    }
    if let Some(place) = items.get_mut(other) {
        *place = a;
    }
}

/// Lets an item sink below those that are greater.
fn sink(items: &mut [usize], mut at: usize, is_less: &dyn Fn(usize, usize) -> bool) {
    loop {
        let mut child = at * 2 + 1;
        let (Some(own), Some(first)) = (items.get(at), items.get(child)) else { return };
        let mut greatest = *first;
        if let Some(second) = items.get(child + 1)
            && is_less(greatest, *second)
        {
            child += 1;
            greatest = *second;
        }
        if !is_less(*own, greatest) {
            return;
        }
        swap(items, at, child);
        at = child;
    }
}

/// Where a value would stand in a sorted list: how many of `count` are less.
#[cfg(feature = "see")]
#[inline(never)]
pub fn lower_bound(count: usize, is_less: &dyn Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_less(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_is_sorted() {
        for count in [0, 1, 2, 3, 7, 100, 1000] {
            for factor in [1, 7, 611, 999] {
                let keys: Vec<usize> = (0..count).map(|index| index * factor % 97).collect();
                let mut items: Vec<usize> = (0..count).collect();
                sort(&mut items, &|one, other| keys[one] < keys[other]);
                let sorted: Vec<usize> = items.iter().map(|item| keys[*item]).collect();
                assert!(sorted.is_sorted(), "{count} {factor}: {sorted:?}");
                items.sort_unstable();
                assert!(items.iter().copied().eq(0..count));
            }
        }
        for value in 0..12 {
            assert_eq!(lower_bound(5, &|index| index * 2 < value), value.div_ceil(2).min(5));
        }
    }
}
