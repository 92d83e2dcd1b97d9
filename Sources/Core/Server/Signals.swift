import CLinux
import Glibc

/// The signals that administrators send. Blocked in every thread; the main thread takes them one by one.
enum Signals {
    enum Order: Equatable {
        /// TERM, INT
        case stop
        /// HUP
        case reload
        /// USR1
        case statistics
        /// Nothing came in the time given.
        case none
    }

    /// Before the first thread is started: they inherit the mask.
    static func block() {
        var set = watched
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for the next one.
    static func wait(milliseconds: Int) -> Order {
        var set = watched
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        switch sigtimedwait(&set, nil, &time) {
        case SIGTERM, SIGINT: return .stop
        case SIGHUP: return .reload
        case SIGUSR1: return .statistics
        default: return .none
        }
    }

    private static var watched: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { sigaddset(&set, number) }
        return set
    }
}
