import CLinux
import Glibc

/// Threads of this process.
enum Threads {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a thread of its own, which tells where it was when it crashes. Signals are the main thread's, except those that a fault
    /// raises in the thread itself.
    /// - Parameter name: of the thread, in listings; 15 bytes.
    /// - Returns: for `pthread_join`, or `pthread_detach`.
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> pthread_t {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT] { sigdelset(&all, fault) }
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let passed = Unmanaged.passRetained(
            Body {
                linux_thread_name(name)
                linux_crash_stack()
                body()
                Log.endThread()
            })
        let code = pthread_create(
            &thread, nil,
            { raw in
                Unmanaged<Body>.fromOpaque(raw!).takeRetainedValue().run()
                return nil
            }, passed.toOpaque())
        guard code == 0 else {
            passed.release()
            throw SystemError(code: code)
        }
        return thread
    }
}
