import CLinux

/// The signals that the process takes as commands.
package enum ProcessSignal: Int32, CaseIterable, Sendable {
    /// Reload the configuration (SIGHUP).
    case reload = 1
    /// Drain and end (SIGINT).
    case interrupt = 2
    /// Reopen the log files (SIGUSR1).
    case reopenLogs = 10
    /// Drain and end (SIGTERM).
    case terminate = 15
}

/// Signals as a readable descriptor.
package struct SignalQueue: ~Copyable {
    private let descriptor: FileDescriptor

    /// Blocks the commands' default actions for this thread and those that it starts from now on, and the signals by
    /// which a write would end the process: SIGPIPE, and SIGXFSZ, which comes with a file of the size that the process
    /// may write. The write fails then (EPIPE, EFBIG).
    ///
    /// The corresponding C functions are `pthread_sigmask` and `signalfd`.
    package init() throws(Errno) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in ProcessSignal.allCases { sigaddset(&set, signal.rawValue) }
        var blocked = set
        sigaddset(&blocked, SIGPIPE)
        sigaddset(&blocked, SIGXFSZ)
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
        let number = signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard number >= 0 else { throw .last }
        descriptor = FileDescriptor(adopting: number)
    }

    package var number: Int32 { descriptor.number }

    /// The next pending signal.
    package func next() -> ProcessSignal? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while true {
            let count = CLinux.read(descriptor.number, &information, size)
            if count == size { break }
            guard count < 0, Errno.last == .interrupted else { return nil }
        }
        return ProcessSignal(rawValue: Int32(information.ssi_signo))
    }
}
