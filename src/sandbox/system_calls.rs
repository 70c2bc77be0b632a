//! The filter of system calls.
//!
//! It lists what is denied and not what is allowed: the C library, the allocator and the runtime
//! change their system calls from version to version, and a gate that fails at a new one loses
//! deliveries. Since Linux 5.11 the kernel remembers the calls that a filter always allows. To enter
//! a filter at all then takes about 40 ns per call, or 0.3 us per request.

use std::{collections::BTreeMap, env::consts::ARCH};

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, apply_filter_all_threads,
};

/// Rules by the number of their system call. A call without rules is denied with any arguments.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// System calls that are denied with any arguments.
const DENIED: [c_long; 80] = [
    // Programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes.
    libc::SYS_kcmp,
    libc::SYS_kill,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    // Mounts, namespaces and the root directory.
    libc::SYS_chroot,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
    // Files past the checks of their directories, devices, and the watch over other files.
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_mknodat,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // The identity of the process.
    libc::SYS_capset,
    libc::SYS_personality,
    libc::SYS_setfsgid,
    libc::SYS_setfsuid,
    libc::SYS_setgid,
    libc::SYS_setgroups,
    libc::SYS_setregid,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
    libc::SYS_setreuid,
    libc::SYS_setuid,
    // Keys of the kernel.
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // Large interfaces of the kernel that a gate does not use.
    libc::SYS_bpf,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_mq_getsetattr,
    libc::SYS_mq_open,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // System V IPC reaches other processes by number.
    libc::SYS_msgctl,
    libc::SYS_msgget,
    libc::SYS_semctl,
    libc::SYS_semget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_shmget,
    // Memory of other processes and nodes.
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // The machine.
    libc::SYS_acct,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_vhangup,
];

/// Further system calls, which this architecture has.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: [c_long; 9] = [
    libc::SYS_fork,
    libc::SYS_kexec_file_load,
    libc::SYS_vfork,
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mknod,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
];

/// `kexec_file_load`, for which the constants of musl have no name.
#[cfg(target_arch = "aarch64")]
const DENIED_HERE: [c_long; 1] = [294];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const DENIED_HERE: [c_long; 0] = [];

/// Families of sockets that a gate opens.
const FAMILIES: [i32; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

/// Protocols of these sockets. Landlock does not limit the ports of other protocols, such as MPTCP.
const PROTOCOLS: [i32; 3] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];

/// The bits of a socket's type beside its flags.
const SOCKET_TYPE: u64 = 0xf;

/// Restricts all threads of the process.
pub(super) fn restrict() -> Result<(), Error> {
    // A library that finds this call missing calls `clone`, whose flags a filter can read.
    let unknown = BTreeMap::from([(number(libc::SYS_clone3), Vec::new())]);
    apply(unknown, libc::ENOSYS)?;
    apply(denied()?, libc::EPERM)
}

fn apply(rules: Rules, error: i32) -> Result<(), Error> {
    let action = SeccompAction::Errno(error.unsigned_abs());
    let arch = ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch)?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter_all_threads(&program)
}

fn denied() -> Result<Rules, BackendError> {
    let always = DENIED.iter().chain(&DENIED_HERE);
    let mut rules: Rules = always.map(|call| (number(*call), Vec::new())).collect();
    rules.insert(number(libc::SYS_clone), vec![new_process()?]);
    rules.insert(number(libc::SYS_socket), foreign_sockets()?);
    #[cfg(target_arch = "x86_64")]
    deny_x32(&mut rules);
    Ok(rules)
}

/// Returns the rule for a `clone` that starts a process instead of a thread.
fn new_process() -> Result<SeccompRule, BackendError> {
    let thread = value(libc::CLONE_THREAD);
    SeccompRule::new(vec![condition(0, SeccompCmpOp::MaskedEq(thread), 0)?])
}

/// Returns the rules for sockets of other families and protocols, and for raw sockets.
fn foreign_sockets() -> Result<Vec<SeccompRule>, BackendError> {
    let raw = SeccompCmpOp::MaskedEq(SOCKET_TYPE);
    let raw = vec![
        condition(0, SeccompCmpOp::Ne, value(libc::AF_UNIX))?,
        condition(1, raw, value(libc::SOCK_RAW))?,
    ];
    Ok(vec![
        SeccompRule::new(none_of(0, &FAMILIES)?)?,
        SeccompRule::new(none_of(2, &PROTOCOLS)?)?,
        SeccompRule::new(raw)?,
    ])
}

/// Denies the calls under the numbers that they have in programs with pointers of 32 bits.
#[cfg(target_arch = "x86_64")]
fn deny_x32(rules: &mut Rules) {
    const X32: i64 = 0x4000_0000;
    /// The calls that only such programs have.
    const ONLY: std::ops::RangeInclusive<i64> = 512..=547;
    let also: Vec<_> = rules
        .keys()
        .copied()
        .chain(ONLY)
        .map(|call| X32 | call)
        .collect();
    rules.extend(also.into_iter().map(|call| (call, Vec::new())));
}

fn none_of(argument: u8, values: &[i32]) -> Result<Vec<SeccompCondition>, BackendError> {
    let differs = |one: &i32| condition(argument, SeccompCmpOp::Ne, value(*one));
    values.iter().map(differs).collect()
}

fn condition(
    argument: u8,
    operator: SeccompCmpOp,
    operand: u64,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, operator, operand)
}

/// Returns a constant of C, which is never negative here.
fn value(constant: i32) -> u64 {
    u64::from(constant.unsigned_abs())
}

#[allow(
    clippy::useless_conversion,
    reason = "the type is shorter on machines with 32 bits"
)]
fn number(call: c_long) -> i64 {
    i64::from(call)
}
