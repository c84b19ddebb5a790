//! Large pages for the memory of the flows.
//!
//! Finding a flow touches memory at random. With pages of 4 KiB the processor has to look up most of the addresses as
//! well; with pages of 2 MiB a few entries of its table cover all flows. Linux gives them to who asks, where it is set to
//! (`/sys/kernel/mm/transparent_hugepage/enabled` says `madvise` or `always`), as the memory is touched.
#![expect(unsafe_code, reason = "madvise has no safe form")]

/// Asks for large pages under the room that `memory` has reserved. It is only a wish: what cannot be granted stays as it
/// is.
pub(super) fn prefer_large<T>(memory: &mut Vec<T>) {
    const PAGE_BYTES: usize = 4096;
    let room = memory.spare_capacity_mut();
    let (start, bytes) = (room.as_mut_ptr().cast::<u8>(), size_of_val(room));
    let skipped = start.align_offset(PAGE_BYTES);
    let Some(bytes) = bytes.checked_sub(skipped).map(|bytes| bytes & !(PAGE_BYTES - 1)) else { return };
    // SAFETY: the range lies inside the allocation of `memory`, which nobody else uses meanwhile, and MADV_HUGEPAGE changes
    // no contents: it only tells the kernel how to back the range (madvise(2)).
    unsafe {
        libc::madvise(start.add(skipped).cast(), bytes, libc::MADV_HUGEPAGE);
    }
}
