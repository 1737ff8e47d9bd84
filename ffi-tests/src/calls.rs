//! Which of a program's system calls break a rule of the library?
//!
//! What `strace -f` wrote, between the two marks that the program sets by `access("/begin")` and `access("/end")`.

/// What makes a descriptor, and the flag that keeps it from other programs.
const MAKERS: [(&str, &str); 20] = [
    ("open", "O_CLOEXEC"),
    ("openat", "O_CLOEXEC"),
    ("openat2", "O_CLOEXEC"),
    ("creat", "never"),
    ("socket", "SOCK_CLOEXEC"),
    ("socketpair", "SOCK_CLOEXEC"),
    ("accept", "never"),
    ("accept4", "SOCK_CLOEXEC"),
    ("pipe", "never"),
    ("pipe2", "O_CLOEXEC"),
    ("epoll_create", "never"),
    ("epoll_create1", "EPOLL_CLOEXEC"),
    ("eventfd", "never"),
    ("eventfd2", "EFD_CLOEXEC"),
    ("timerfd_create", "TFD_CLOEXEC"),
    ("signalfd4", "SFD_CLOEXEC"),
    ("inotify_init1", "IN_CLOEXEC"),
    ("memfd_create", "MFD_CLOEXEC"),
    ("dup", "never"),
    ("dup3", "O_CLOEXEC"),
];

/// What a library has no business to do. A child that it makes would be the host's to wait for.
const FORBIDDEN: [&str; 31] = [
    "rt_sigaction",
    "sigaltstack",
    "setitimer",
    "alarm",
    "timer_create",
    "kill",
    "tkill",
    "tgkill",
    "chdir",
    "fchdir",
    "chroot",
    "umask",
    "dup2",
    "fork",
    "vfork",
    "execve",
    "execveat",
    "exit_group",
    "prctl",
    "setpriority",
    "setrlimit",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "setsid",
    "setpgid",
    "personality",
];

/// The calls between the marks that break one, as strace wrote them, and how many there were in all.
#[must_use]
pub fn offences(trace: &str) -> (Vec<String>, usize) {
    let between = trace
        .lines()
        .skip_while(|line| !line.contains("access(\"/begin\""))
        .skip(1)
        .take_while(|line| !line.contains("access(\"/end\""));
    let mut found = Vec::new();
    let mut calls = 0;
    for line in between {
        // "4711 openat(AT_FDCWD, …) = 4", "4711 <... openat resumed>…", "4711 +++ exited with 0 +++"
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let Some((name, arguments)) = call.split_once('(') else {
            continue;
        };
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        calls += 1;
        if breaks_a_rule(name, arguments) {
            found.push(call.to_owned());
        }
    }
    (found, calls)
}

fn breaks_a_rule(name: &str, arguments: &str) -> bool {
    let maker = MAKERS.iter().find(|(maker, _)| *maker == name);
    let first = arguments.split([',', ')']).next().unwrap_or_default();
    let standard = ["0", "1", "2"].contains(&first);
    match name {
        _ if FORBIDDEN.contains(&name) => true,
        "fcntl" => {
            arguments.contains("F_DUPFD,")
                || (arguments.contains("F_SETFD") && !arguments.contains("FD_CLOEXEC"))
        }
        // A thread shares what it has; a child does not.
        "clone" | "clone3" => !arguments.contains("CLONE_THREAD"),
        "read" | "write" | "writev" | "pwrite64" | "sendto" | "sendmsg" | "close" => standard,
        _ => maker.is_some_and(|(_, flag)| !arguments.contains(flag)),
    }
}

#[cfg(test)]
mod tests {
    use super::offences;

    #[test]
    fn what_breaks_a_rule_is_found_between_the_marks_alone() {
        let rows = [
            ("openat(AT_FDCWD, \"x\", O_RDONLY|O_CLOEXEC) = 4", false),
            ("openat(AT_FDCWD, \"x\", O_RDONLY) = 4", true),
            (
                "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_IP) = 4",
                false,
            ),
            (
                "socket(AF_INET, SOCK_DGRAM, IPPROTO_IP <unfinished ...>",
                true,
            ),
            ("pipe([3, 4]) = 0", true),
            ("pipe2([3, 4], O_CLOEXEC) = 0", false),
            ("epoll_create1(0) = 3", true),
            ("fcntl(3, F_DUPFD, 0) = 4", true),
            ("fcntl(3, F_DUPFD_CLOEXEC, 0) = 4", false),
            ("fcntl(3, F_SETFD, 0) = 0", true),
            ("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0", false),
            ("dup2(3, 1) = 1", true),
            ("write(2, \"x\", 1) = 1", true),
            ("write(21, \"x\", 1) = 1", false),
            ("close(0) = 0", true),
            (
                "clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 7",
                true,
            ),
            (
                "clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0}) = 7",
                false,
            ),
            (
                "rt_sigaction(SIGPIPE, {sa_handler=SIG_IGN}, NULL, 8) = 0",
                true,
            ),
            ("umask(077) = 022", true),
            ("getrandom(\"x\", 1, 0) = 1", false),
            ("+++ exited with 0 +++", false),
        ];
        for (call, expected) in rows {
            let trace = format!(
                "7 pipe([3, 4]) = 0\n7 access(\"/begin\", F_OK) = -1 ENOENT\n7 {call}\n\
                 7 access(\"/end\", F_OK) = -1 ENOENT\n7 pipe([3, 4]) = 0\n"
            );
            let (found, _) = offences(&trace);
            assert_eq!(!found.is_empty(), expected, "{call}");
        }
    }
}
