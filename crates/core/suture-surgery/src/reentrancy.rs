//! Functions in which a thread may hold a lock that a function called on it would wait for, for ever.
//!
//! A function that is made to run on a borrowed thread stands to what the thread was doing as a signal handler does (signal-safety(7)): if
//! the thread waits inside the allocator, the loader or the unwinder, it may hold the very lock that a hook asks for when it allocates,
//! or a registration of unwind tables does. So no stack with one of these functions on it will do ([`crate::busy`]).
//!
//! Where the loader is a module of its own (glibc), all of it counts; where loader and C library are one (musl), and in static
//! programs, the functions are known by their names alone.

use suture_delta::model::Range;

use crate::memory::Memory;
use crate::modules::Module;
use crate::resolve::{self, ResolveError};

/// The allocator's functions, as the C and C++ libraries and those that replace them export them; the loader's; the unwinder's.
const NAMES: [&str; 54] = [
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "free",
    "cfree",
    "memalign",
    "aligned_alloc",
    "posix_memalign",
    "valloc",
    "pvalloc",
    "malloc_trim",
    "malloc_usable_size",
    "malloc_stats",
    "malloc_info",
    "mallinfo",
    "mallinfo2",
    "mallopt",
    "_Znwm",
    "_Znam",
    "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t",
    "_ZdlPv",
    "_ZdaPv",
    "_ZdlPvm",
    "_ZdaPvm",
    "_ZdlPvSt11align_val_t",
    "_ZdlPvmSt11align_val_t",
    "__libc_malloc",
    "__libc_calloc",
    "__libc_realloc",
    "__libc_free",
    "__libc_memalign",
    "fork",
    "__libc_fork",
    "dlopen",
    "dlmopen",
    "dlclose",
    "dlsym",
    "dlvsym",
    "dladdr",
    "dladdr1",
    "dlinfo",
    "dl_iterate_phdr",
    "__tls_get_addr",
    "_Unwind_RaiseException",
    "_Unwind_Resume",
    "_Unwind_Resume_or_Rethrow",
    "_Unwind_ForcedUnwind",
    "_Unwind_Backtrace",
    "_Unwind_Find_FDE",
    "__register_frame_info",
    "__deregister_frame_info",
    "__register_frame",
];
/// How the functions of allocators begin that are linked into programs: jemalloc's, mimalloc's, tcmalloc's, glibc's own parts, and
/// Rust's front.
const PREFIXES: [&str; 22] = [
    "je_",
    "_rjem_",
    "jemalloc_",
    "mi_malloc",
    "mi_calloc",
    "mi_zalloc",
    "mi_realloc",
    "mi_free",
    "mi_heap_",
    "_mi_",
    "tc_malloc",
    "tc_calloc",
    "tc_realloc",
    "tc_memalign",
    "tc_free",
    "tc_new",
    "tc_delete",
    "_int_malloc",
    "_int_free",
    "_dl_",
    "__rust_alloc",
    "__rust_dealloc",
];
/// A C library has this; a loader that is nothing else has not.
const OF_C_LIBRARIES: &str = "fopen";

/// Whether a function of this name may hold one of the locks.
pub fn is_guarded(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// What these modules export of such functions, each with its code at addresses of the process and its name; and, whole, those
/// that are nothing but a loader or an unwinder.
///
/// # Errors
/// A symbol table of the process can't be read.
pub fn guarded(modules: &[Module], memory: &dyn Memory) -> Result<Vec<(Range, String)>, ResolveError> {
    let mut found = Vec::new();
    for module in modules.iter().filter(|module| !module.is_vdso()) {
        if is_all_guarded(module, memory)? {
            found.extend(module.text.iter().map(|range| (*range, module.name.clone())));
            continue;
        }
        for (name, symbol) in resolve::lookup_all_in(module, &NAMES, memory)? {
            let range = Range { start: symbol.address, end: symbol.address.saturating_add(symbol.size) };
            found.push((range, format!("{name} ({})", module.name)));
        }
    }
    Ok(found)
}

fn is_all_guarded(module: &Module, memory: &dyn Memory) -> Result<bool, ResolveError> {
    let is_unwinder = ["libgcc_s.so", "libunwind.so"].iter().any(|name| module.name.starts_with(name));
    Ok(is_unwinder
        || (module.is_interpreter && resolve::lookup_in(module, OF_C_LIBRARIES, None, memory)?.is_none()))
}
