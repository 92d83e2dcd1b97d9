import Glibc

private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs a closure in a thread of its own, which nobody waits for; what the closure captures lives until it returns.
func startThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let failed = pthread_create(
        &thread, nil,
        {
            Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run()
            return nil
        }, Unmanaged.passRetained(Body(body)).toOpaque())
    precondition(failed == 0, "pthread_create")
    pthread_detach(thread)
}
