//! The sandbox of a running gate: the kernel denies the process everything that a gate never does,
//! so that an intruder who controls it gains little.
//!
//! Two features of Linux form it. Landlock permits only the files, directories and ports in
//! [`Permissions`], and executes no program. A seccomp filter denies system calls that a gate never
//! uses, such as those that start processes, trace others or configure the machine.
//!
//! Both bind the calling thread and the threads that it starts later. [`enter`] therefore runs on
//! the first thread, after the configuration was read and the sockets were bound, and before the log,
//! the store and the workers start their threads. Everything that opens later needs a permission.
//! The filter, and Landlock on new kernels, also bind threads that exist already.
//!
//! Features that the kernel lacks are reported and no reason not to serve. The sandbox cannot be left,
//! so a reload that needs more than the configuration of the start is rejected.

mod enforced;
mod enter;
#[cfg(all(target_os = "linux", target_endian = "little"))]
mod landlock_rules;
mod lookup;
mod needs;
mod permissions;
mod places;
#[cfg(all(target_os = "linux", target_endian = "little"))]
mod system_calls;
mod system_files;

pub use enter::{Sandbox, current, enter};
pub(crate) use lookup::explain;
pub use needs::Needs;
pub use permissions::Permissions;
